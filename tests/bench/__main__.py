"""`python -m tests.bench`: end-to-end evaluation on PostgreSQL and SQLite, each in a process of its own."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile

from tests.services import ROOT, start_postgres


def main() -> int:
    """Run the benchmarks asked for; the exit code is that of the first that failed its own check."""
    parser = argparse.ArgumentParser(description="Measure judging from the database to applied alerts.")
    parser.add_argument("--patients", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--databases", nargs="+", default=["postgresql", "sqlite"], choices=["postgresql", "sqlite"])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for database in options.databases:
        for patients in options.patients:
            with tempfile.TemporaryDirectory(prefix="cw-bench-") as folder:
                url = f"sqlite:///{folder}/bench.sqlite3"
                if database == "postgresql":
                    url = os.environ.get("TEST_POSTGRES_URL") or start_postgres()
                environment = {
                    **os.environ,
                    "DATABASE_URL": url,
                    "REDIS_URL": "redis://127.0.0.1:1/0",
                    "CALCIWATCH_DATA": folder,
                    "SECRET_KEY": "only-for-a-benchmark-" * 4,
                    "CALCIWATCH_LOG_LEVEL": "error",
                }
                command = [sys.executable, "-m", "tests.bench.evaluation", str(patients), str(options.rounds)]
                status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
                if status:
                    return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
