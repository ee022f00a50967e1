"""Plays cases of the Autobahn test suite against a WebSocket echo server and prints what they say about it.

Usage: conformance.py URL CASE...

CASE is a number, or a pattern such as `9.*`. A line is a case, the verdict on its messages, and the verdict on its
close, in the suite's own words. Whether they are the expected ones is judged by whoever reads them.
"""

import asyncio
import os
import sys

import kosoku

DEADLINE_SECONDS = 300
# Most of the time goes by waiting, in cases that send with pauses.
CASES_AT_ONCE = 4


async def play(url, cases):
    """The results of the cases, good or bad."""
    try:
        return await kosoku.run_fuzzingclient(url, cases, concurrency=CASES_AT_ONCE)
    except kosoku.FailureError as failure:
        return failure.results


def main():
    url, *cases = sys.argv[1:]
    results = asyncio.run(asyncio.wait_for(play(url, cases), DEADLINE_SECONDS))
    for result in results:
        print(result.case_id, result.behavior.value, result.behavior_close.value)
    # kosoku's own threads now and then abort the process while Python takes itself down behind the last line.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
