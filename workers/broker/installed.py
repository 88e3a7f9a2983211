"""`python -m workers.broker.installed` says by its exit code whether a server is installed."""

import os
import sys

from workers.broker.installation import find_installation

if __name__ == "__main__":
    sys.exit(find_installation(os.environ) is None)
