# make lab        set up .venv and open JupyterLab at the first notebook
# make test       set up .venv and run everything there is to test
# make matrix     run the notebooks as older processors would, and compare
# make bench      time the helpers against OpenCV, PyTorch and plain loops
# make fuzz       try the helpers on many more random inputs than make test does
# make notebooks  run all notebooks and store their outputs
# make constraints  write the versions of all that is installed, for the workflows
# make handout    set up .venv and fill build/ with web pages, print and copies to give
# make student    commit the student's copy to the branch student
# make weekly     what takes longer: explorers in JupyterLab, hostile answers to grade
# make classroom  as root: set up .venv and start a JupyterHub for a class
# make classroom-test  as root: send a class to it, and others who must not get in
#
# Options:        make lab ARGS="--no-browser --port 9999"
# Another Python: make lab PYTHON=python3.12

PYTHON ?= python3
python = .venv/bin/python

.PHONY: help lab test matrix fuzz bench notebooks constraints handout student \
	weekly classroom classroom-test
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
	$(python) tests/execute.py notebooks/*.ipynb

constraints: .venv/test
	$(python) -m pip freeze --quiet > .github/constraints.txt

handout: .venv/handout
	$(python) -m handout.build

student: .venv/handout
	$(python) -m handout.branch

weekly: .venv/test
	$(python) -m pytest -o addopts= -m weekly tests $(ARGS)

classroom: .venv/classroom
	$(python) -m jupyterhub --config classroom/jupyterhub_config.py $(ARGS)

classroom-test: .venv/classroom .venv/test
	$(python) -m pytest -o addopts= tests/hub.py $(ARGS)

# The stamps .venv/lab, .venv/test and so on say that the packages are complete.
# .venv/lab and the one in question go before an installation and return after it;
# without .venv/lab all of .venv is made anew. It returns older than the others.
.venv/lab: requirements.txt
	@$(lock); test -e $@ || { $(check) && '$(PYTHON)' -m venv --clear .venv; } || exit 1; \
	$(install); touch $@

.venv/test: tests/requirements.txt handout/requirements.txt .venv/lab
	@$(lock); $(install); touch -r requirements.txt .venv/lab; touch $@

.venv/handout: handout/requirements.txt .venv/lab
	@$(lock); $(install); touch -r requirements.txt .venv/lab; touch $@

.venv/classroom: classroom/requirements.txt .venv/lab
	@$(lock); $(proxy); $(install); touch -r requirements.txt .venv/lab; touch $@

# A notebook's cells need one kernel. The notebooks, which come first, take longest.
workers = -n auto --dist loadfile --no-loadscope-reorder

check = '$(PYTHON)' -c 'import sys; sys.version_info < (3, 11) and \
	sys.exit("This is Python %d.%d, but 3.11 or newer is needed. If you have one: \
	make $(MAKECMDGOALS) PYTHON=python3.12" % sys.version_info[:2]); \
	from importlib.util import find_spec; all(map(find_spec, ["venv", "ensurepip"])) or \
	sys.exit("Python has no venv module. On Debian and Ubuntu: \
	sudo apt install $(notdir $(PYTHON))-venv")'

# One installation at a time; the system lifts the lock when the shell ends, however.
lock = exec 9>.venv.lock || exit 1; '$(PYTHON)' -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'

proxy = npm install --prefix .venv configurable-http-proxy@5.3.0 || \
	{ echo "JupyterHub's proxy needs npm, of Node.js 22 or newer." >&2; exit 1; }

# The trap keeps the shell alive to say so when pip is interrupted.
install = rm -f .venv/lab $@; trap : INT; $(python) -m pip install -r $< || \
	{ echo "The installation is not complete. Call make $(MAKECMDGOALS) again." >&2; exit 1; }
