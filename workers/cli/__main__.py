"""`python -m workers.cli` is the `leveret` command."""

from workers.cli import main

if __name__ == "__main__":
    main()
