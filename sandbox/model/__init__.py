"""S3 in memory and the commit run against it, call by call: a seed draws the order of calls and every fault.

s3.py          the store: strict where the commit relies on it, each call one instant
sdk.py         the client of a run: boto3's names, the SDK's retries, faults, kills
faults.py      which call meets which fault
schedule.py    whose call is next
exports.py     what Spaaza answers
world.py       a bucket with a past, and the runs that meet in it
watch.py       what must hold at each instant of S3
verdicts.py    what must hold at each run's end, and in the bucket when all is quiet
__main__.py    `make model`
mends.py       the same, with one mend removed from the product
"""
