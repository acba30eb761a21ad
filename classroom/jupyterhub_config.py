"""A Hub on one Linux machine, for a teacher whose class has nothing but browsers.

`make classroom`, as root, starts it; the README says how to make the accounts. Each
learner has one on the system: its password opens the Hub, its rights keep it apart.
"""

import os
import subprocess
import sys
from pathlib import Path

c = get_config()  # noqa: F821

try:
    subprocess.run([sys.executable, "-c", ""], user="nobody", check=True)
except OSError:
    sys.exit(
        f"Another account cannot run {sys.executable}. Start the Hub as root, and keep "
        "the series and Python where every account may read them, in /srv for example."
    )

# Heard on this machine alone, unless `--url` says otherwise.
c.JupyterHub.bind_url = "http://127.0.0.1:8000"
c.Authenticator.allowed_groups = {"learners"}

# What the Hub remembers, the secret behind its cookies included: not in the checkout,
# and nobody else's to read. Systemd names the folder of a service it starts.
state = Path(os.environ.get("STATE_DIRECTORY", "/var/lib/jupyterhub"))
state.mkdir(parents=True, exist_ok=True)
state.chmod(0o700)
c.JupyterHub.db_url = f"sqlite:///{state}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = str(state / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")
c.ConfigurableHTTPProxy.command = [
    str(Path(sys.prefix, "node_modules", ".bin", "configurable-http-proxy"))
]

# A process that asks for more memory gets Python's MemoryError; the others go on.
bin = Path(sys.prefix, "bin")
c.Spawner.cmd = ["prlimit", f"--data={3 * 1024**3}", str(bin / "jupyterhub-singleuser")]
c.Spawner.args = [
    # Else any account of the machine can listen to what a kernel prints.
    "--KernelManager.transport_encryption=required",
    "--MappingKernelManager.cull_idle_timeout=3600",  # seconds, once its tab is closed
]
# When a whole class signs in at once, the last server is long in coming.
c.Spawner.start_timeout = c.Spawner.http_timeout = 300
c.Spawner.default_url = "/lab/tree/notebooks/01_translation.ipynb"
# More threads than processors slow a class down, and one prints what is stored.
c.Spawner.environment = {"OMP_NUM_THREADS": "1"}


def close_home(spawner):
    """Shut a learner's home to the others: Debian opens it."""
    Path(f"~{spawner.user.name}").expanduser().chmod(0o700)


c.Spawner.pre_spawn_hook = close_home
