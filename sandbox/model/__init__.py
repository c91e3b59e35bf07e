"""S3 in memory and the commit run against it, call by call: the order of calls and every fault are drawn by a seed.

s3.py          the store: strict where the commit leans on it, each call one instant
sdk.py         the client that a run is given: boto3's names, the SDK's repeats, faults, kills
faults.py      which call meets which fault
schedule.py    whose call is next
exports.py     what Spaaza answers
world.py       a bucket with a past, and the runs that meet in it
watch.py       what must hold at each instant of S3
verdicts.py    what must hold of each run's end, and of what lies there when all is quiet
__main__.py    `make model`
mends.py       the same, with one mend taken out of the product
"""
