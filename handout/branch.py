"""Write the student's copy to the branch `student`, as its next commit.

python -m handout.branch    nothing is pushed, and no file of the checkout changes

What nbgitpuller, Binder and Colab are pointed at, in a repository of its own: from a
clone of this one, a student can read the solutions. Whoever has the last commit gets
the next one by a merge, which keeps what he has filled in.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from . import copies
from .build import lessons_in
from .lesson import ROOT

BRANCH = "student"


def commit(repository: Path = ROOT, notebooks: Path = ROOT / "notebooks") -> str:
    """Commit the student's copy to the branch; return what was done."""
    with TemporaryDirectory() as folder:
        made = Path(folder)
        lessons = [copies.blank(lesson) for lesson in lessons_in(notebooks)]
        copies.make(lessons, made, "student")
        tree = os.environ | {
            "GIT_DIR": git(repository, "rev-parse", "--absolute-git-dir"),
            "GIT_WORK_TREE": str(made / "student"),
            "GIT_INDEX_FILE": str(made / "index"),
        }
        git(made / "student", "add", "--all", "--force", ".", env=tree)
        written = git(made / "student", "write-tree", env=tree)
        version = copies.version(made / "student")
    reference = f"refs/heads/{BRANCH}"
    last = git(repository, "for-each-ref", "--format=%(objectname)", reference)
    if last and git(repository, "rev-parse", f"{last}^{{tree}}") == written:
        return f"The branch {BRANCH} holds version {version} already."
    message = f"Hand out version {version}"
    parent = ["-p", last] if last else []
    new = git(repository, "commit-tree", written, *parent, "-m", message)
    git(repository, "update-ref", reference, new, last or "0" * 40)
    return f"The branch {BRANCH} holds version {version}: git push URL {BRANCH}:main"


def git(folder: Path, *command: str, env=None) -> str:
    """Call git in a folder; return what it prints."""
    run = ["git", *command]
    return subprocess.run(
        run, cwd=folder, env=env, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


if __name__ == "__main__":
    try:
        print(commit())
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"The branch {BRANCH} stays as it was: {error}")
