# make lab        set up .venv and open JupyterLab at the first notebook
# make test       set up .venv and run everything there is to test
# make matrix     run the notebooks as older processors would, and compare
# make bench      time the helpers against OpenCV, PyTorch and plain loops
# make fuzz       try the helpers on many more random inputs than make test does
# make notebooks  run all notebooks and store their outputs
# make claims     list the general sentences: where each is asserted, over what
# make constraints  write the versions of all that the lists pull in
# make handout    set up .venv and fill build/ with web pages, print and copies to give
# make release    the same, and pack it into build/release as it is attached to a tag
# make student    commit the student's copy to the branch student
# make weekly     what takes longer, or asks the network
#
# Options:        make lab ARGS="--no-browser --port 9999"
# An edition:     make handout ARGS="01 02 03 04"
# Another Python: make lab PYTHON=python3.12

PYTHON ?= python3
python = .venv/bin/python
exact = .github/constraints.txt
uv := $(shell command -v uv 2>/dev/null)

# They would lead pip, or Python, past .venv.
unexport PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT PYTHONHOME PYTHONPATH PYTHONSAFEPATH

.PHONY: help lab test matrix fuzz bench notebooks claims constraints handout release student weekly anew
help:
	@sed -n -e '/^#/!q' -e 's/^# *//p' Makefile

lab: .venv/lab
	$(python) -m jupyterlab --LabApp.default_url=/lab/tree/notebooks/01_translation.ipynb $(ARGS)

test: .venv/test
	$(python) -m pytest $(workers) $(ARGS)

matrix: .venv/test
	$(python) tests/matrix.py $(ARGS)

fuzz: .venv/test
	$(python) -m pytest -o addopts= -n auto --hypothesis-profile=fuzz tests/test_helpers.py $(ARGS)

bench: .venv/test
	$(python) -m pytest -o addopts= --benchmark-columns=min,median,rounds tests/bench_*.py $(ARGS)

notebooks: .venv/test
	$(python) tests/execute.py notebooks/*.ipynb notebooks/evidence/*.ipynb

claims: .venv/test
	$(python) tests/claims.py

constraints: .venv/test
	$(python) -m pip freeze --quiet $(pinned) >$(exact)

handout: .venv/handout
	$(python) -m handout.build $(ARGS)

release: handout
	rm -rf build/release && mkdir build/release
	cp build/student.zip build/teacher.zip build/release
	for part in html pdf nbgrader; do \
	(cd build && ../$(python) -m zipfile -c release/$$part.zip $$part) || exit 1; done

student: .venv/handout
	$(python) -m handout.branch

# The drivers of Firefox and WebKit; without them, their tests are skipped.
weekly: .venv/test
	-$(by_pip) marionette-driver==3.7.1 selenium==4.51.0
	$(python) -m pytest -o addopts= -m weekly tests $(ARGS)

# What the lists pull in, but for what one of them pins: each version stands once.
pinned = $$(sed -n 's/^\([A-Za-z][A-Za-z0-9_.-]*\)==.*/--exclude \1/p' requirements.txt */requirements.txt)

# A notebook's cells need one kernel. The notebooks, which come first, take longest.
workers = -n auto --dist loadfile --no-loadscope-reorder

# .venv serves if no installation into it was cut short, its Python still starts and
# finds its packages, and is the one that is asked for, where one is.
who = import sys; print(sys.base_prefix, *sys.version_info)
asked = $(filter-out file default,$(origin PYTHON))
serves = test ! -s .venv.lock && us=$$($(python) -c 'import pip; $(who)' 2>/dev/null) && \
	test "$(if $(asked),$$('$(PYTHON)' -c '$(who)' 2>/dev/null),$$us)" = "$$us"
anew := $(shell $(serves) || echo anew)

check = '$(PYTHON)' -c 'import sys; (3, 11) <= sys.version_info < (3, 15) or \
	sys.exit("This is Python %d.%d, but one from 3.11 to 3.14 is needed. If you have one: \
	make $(MAKECMDGOALS) PYTHON=python3.14" % sys.version_info[:2]); \
	from importlib.util import find_spec; all(map(find_spec, ["venv", "ensurepip"])) or \
	sys.exit("Python has no venv module. On Debian and Ubuntu: \
	sudo apt install $(notdir $(PYTHON))-venv")'

# One installation at a time; the system lifts the lock when the shell ends, however. A
# word in the lock's file says that one has begun. The trap keeps the shell alive to say
# so when pip is interrupted.
begin = exec 9>>.venv.lock || exit 1; \
	'$(PYTHON)' -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'; trap : INT; \
	$(serves) || { $(check) && echo begun >.venv.lock && \
	'$(PYTHON)' -m venv --clear .venv; } || exit 1; echo begun >.venv.lock

by_pip = $(python) -m pip install --no-compile
by_uv = uv pip install --python $(python)
install = -c $(exact) -r "$$list" && { $(python) -c "import $$module" || \
	{ echo "The packages are not in .venv. Does pip's configuration lead elsewhere?" \
	"See: $(python) -m pip config list" >&2; false; }; } || \
	{ echo "The installation is not complete. Call make $(MAKECMDGOALS) again." >&2; exit 1; }; \
	: >.venv.lock; touch $@

# Each stamp says that the packages of its list are there. It lies in .venv, and so goes
# with them when that is made anew.
.venv/lab: requirements.txt $(exact) $(anew)
	@$(begin); list=.venv/light.txt module=tqdm; sed '/^# Networks/,$$d' $< >$$list; \
	$(if $(uv),$(by_uv),$(by_pip)) $(install)

# By pip, which finds a PyTorch on this machine's disk where its configuration names one.
.venv/test: tests/requirements.txt requirements.txt handout/requirements.txt $(exact) $(anew)
	@$(begin); list=$< module=pytest; $(by_pip) $(install) .venv/lab .venv/handout

.venv/handout: handout/requirements.txt $(exact) $(anew)
	@$(begin); list=$< module=sphinx; $(if $(uv),$(by_uv),$(by_pip)) $(install)
