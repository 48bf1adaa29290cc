"""`tests/real`: plays the scene on each ground and writes down where they differ."""

import argparse
import asyncio
import json
import os

from grounds import ALL
from scene import Scene
from transcript import differences

TO = "target/real"


async def main():
    parser = argparse.ArgumentParser(prog="tests/real")
    parser.add_argument("grounds", nargs="*", metavar="|".join(ALL))
    parser.add_argument("--later", type=int, default=0, help="seconds until a random id is repeated once more")
    args = parser.parse_args()
    unknown = [name for name in args.grounds if name not in ALL]
    if unknown:
        parser.error(f"there is no ground called {unknown[0]}: choose from {', '.join(ALL)}")
    os.makedirs(TO, exist_ok=True)
    played = {}
    for name in args.grounds or ["simulator", "foreign"]:
        steps = await Scene(ALL[name](), args.later).play()
        with open(f"{TO}/{name}.json", "w", encoding="utf-8") as file:
            json.dump(steps, file, indent=1, ensure_ascii=False)
        print(f"{name}: {len(steps)} steps, {TO}/{name}.json")
        played[name] = steps
    first, *others = played
    lines = []
    for other in others:
        theirs = {one["step"]: one for one in played[other]}
        ours = [one for one in played[first]]
        for step in ours:
            found = differences(step, theirs.get(step["step"], {}))
            lines += [f"{step['step']}: {path[1:]}: {first} {one}, {other} {two}" for path, one, two in found]
        missing = theirs.keys() - {one["step"] for one in ours}
        lines += [f"{step}: {first} has no such step" for step in sorted(missing)]
    with open(f"{TO}/differences.txt", "w", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
    print("".join(f"{line}\n" for line in lines), end="")
    print(f"{len(lines)} differences, {TO}/differences.txt")


asyncio.run(main())
