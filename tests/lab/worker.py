"""Replays one site after another through the command line of the tree in which it was started; stands alone.

One JSON object a line on its standard input, {"logs": folder, "alerts": file}; one on its output, {"status": int}.
The command is called in this process, so that starting and compiling are paid once, and every version of the product
that has `nslabs replay --alerts` can be asked.
"""

import contextlib
import io
import json
import sys
import traceback

from api.__main__ import main


def replay(logs: str, alerts: str) -> dict[str, object]:
    """Run ``nslabs replay`` on a folder."""
    sys.argv = ["nslabs", "replay", logs, "--alerts", alerts, "--json"]
    said, told = io.StringIO(), io.StringIO()
    status: object = 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
        try:
            main()
        except SystemExit as end:
            status = end.code or 0
        except Exception:  # noqa: BLE001 - the lab tells what broke, and goes on with the next site
            status = traceback.format_exc()
    return {"status": status, "said": said.getvalue(), "told": told.getvalue()[-2000:]}


for line in sys.stdin:
    job = json.loads(line)
    print(json.dumps(replay(job["logs"], job["alerts"])), flush=True)  # noqa: T201 - that is its answer
