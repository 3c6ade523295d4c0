# SPDX-License-Identifier: GPL-2.0
#
# Each command and each event by way of the kernel's own client, with nothing but the
# specification: once by its command line, and then by what that rests on
import fcntl
import json
import mmap
import os
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, "/ynl")
from lib import NlError, YnlFamily

SPEC = "/pinpool.yaml"
POOL = "ynl-test"
NODE = "/dev/pinpool/" + POOL
PAGE = mmap.PAGESIZE
CAPACITY = 64 * PAGE

number = 0


def check(what, good, detail=""):
    global number
    number += 1
    if not good:
        print("#", detail)
    print("ok" if good else "not ok", number, "-", what, flush=True)


def allocate(fd, length):
    """ALLOC by ioctl; (offset, handle)"""
    arg = bytearray(struct.pack("=IIQIIQQQQIIQQ", 80, 0, 0, 0, 0, length, 0, 0, 0, 0, 0, 0, 0))
    fcntl.ioctl(fd, 0xbe01, arg)
    return struct.unpack_from("=QQ", arg, 40)


def free(fd, handle):
    fcntl.ioctl(fd, 0xbe02, struct.pack("=IIQIIQ", 32, 0, 0, 0, 0, handle))


def command(*args):
    """The answer of the command line"""
    done = subprocess.run([sys.executable, "-BE", "/ynl/cli.py", "--spec", SPEC, "--no-schema",
                           "--output-json", *args], capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else done


def listen(group):
    """Whoever asks for something can't listen, nor to more than one group."""
    listener = YnlFamily(SPEC, "")
    listener.ntf_subscribe(group)
    return listener


def event(name, listener=None):
    """The first event of a kind that was not told yet"""
    listener = listener or events
    end = time.monotonic() + 20
    while time.monotonic() < end:
        listener.check_ntf()
        for message in listener.async_msg_queue:
            if message["name"] == name:
                listener.async_msg_queue.remove(message)
                return message["msg"]
        # It has no way to wait but to look again.
        time.sleep(0.01)
    return {}


print("TAP version 13")
pools = command("--dump", "pool-get")
check("the command line lists pools", [p["name"] for p in pools] == ["default"], pools)
refused = command("--do", "pool-get", "--json", '{"name": "nobody"}')
check("the command line tells why", "no pool of this name" in refused.stdout, refused)

ynl = YnlFamily(SPEC, "")
events = listen("events")
clients = listen("clients")

pool = ynl.do("pool-new", {"name": POOL, "capacity": CAPACITY, "zero": "always", "mode": 0o640,
                           "limits": {"client-bytes": CAPACITY},
                           "watermarks": {"low": 16 * PAGE, "high-percent": 50}})
check("pool-new", pool["capacity"] == CAPACITY and pool["zero"] == "always" and
      pool["backing"] == "pages" and pool["limits"]["client-bytes"] == CAPACITY and
      pool["watermarks"] == {"low": 16 * PAGE, "high": CAPACITY // 2, "high-percent": 50} and
      os.stat(NODE).st_mode & 0o7777 == 0o640, pool)
check("pool-new-ntf", event("pool-new-ntf") == pool)
check("pool-get", ynl.do("pool-get", {"name": POOL}) == pool)
check("pool-get of all", [p["name"] for p in ynl.dump("pool-get", {})] == ["default", POOL])

fd = os.open(NODE, os.O_RDWR)
offset, handle = allocate(fd, 40 * PAGE - 1)
level = event("watermark-ntf")
check("watermark-ntf: high", level.get("level") == "high" and level["free"] == 24 * PAGE, level)
mine = [c for c in ynl.dump("client-get", {"pool": POOL}) if c["pid"] == os.getpid()]
check("client-get", len(mine) == 1 and mine[0]["used"] == 40 * PAGE and
      mine[0]["requested"] == 40 * PAGE - 1 and mine[0]["uid"] == 0, mine)
buffers = ynl.dump("buffer-get", {"pool": POOL, "client": mine[0]["id"]})
check("buffer-get", len(buffers) == 1 and buffers[0]["handle"] == handle and
      buffers[0]["offset"] == offset and buffers[0]["length"] == 40 * PAGE - 1 and
      not buffers[0]["state"], buffers)
stats = ynl.do("stats-get", {"name": POOL})["stats"]
check("stats-get", stats["used"] == 40 * PAGE and stats["free-extents"] == 1 and
      stats["bin"] == [{"min": 16 * PAGE, "extents": 1}], stats)

try:
    allocate(fd, 25 * PAGE)
    check("a limit", False)
except OSError as e:
    check("a limit", e.errno == 122, e)
ynl.do("pool-set", {"name": POOL, "capacity": 2 * CAPACITY, "limits": {"client-bytes": 0}})
changed = event("pool-set-ntf")
check("pool-set and pool-set-ntf", changed.get("capacity") == 2 * CAPACITY and
      changed["limits"]["client-bytes"] == 0, changed)
try:
    allocate(fd, 2 * CAPACITY)
except OSError:
    pass
exhausted = event("exhausted-ntf")
check("exhausted-ntf", exhausted.get("wanted") == 2 * CAPACITY and
      exhausted["failures"] == 1, exhausted)

window = mmap.mmap(fd, CAPACITY)
window[offset] = 1
pipe = os.pipe()
# What is spliced into a pipe is pinned there.
os.set_blocking(pipe[1], False)
import ctypes
libc = ctypes.CDLL(None, use_errno=True)


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


page = ctypes.c_char.from_buffer(window, offset)
vec = Iovec(ctypes.addressof(page), PAGE)
assert libc.vmsplice(pipe[1], ctypes.byref(vec), 1, 0) == PAGE
free(fd, handle)
entered = event("quarantine-ntf")
check("quarantine-ntf", entered.get("quarantined") == 40 * PAGE and
      entered["entered"] == 40 * PAGE and entered["left"] == 0, entered)
buffers = ynl.dump("buffer-get", {"pool": POOL})
check("buffer-get of the quarantine", len(buffers) == 1 and
      buffers[0]["state"] == {"quarantined"}, buffers)
os.close(pipe[0])
os.close(pipe[1])
left = event("quarantine-ntf")
check("quarantine-ntf: back", left.get("quarantined") == 0 and left["left"] == 40 * PAGE, left)
check("watermark-ntf: low", event("watermark-ntf").get("level") == "low")

child = os.fork()
if not child:
    fd = os.open(NODE, os.O_RDWR)
    allocate(fd, PAGE)
    os.kill(os.getpid(), signal.SIGKILL)
os.waitpid(child, 0)
died = event("client-died-ntf", clients)
check("client-died-ntf", died.get("pid") == child and died["bytes"] == PAGE and
      died["buffers"] == 1 and died["signal"] == signal.SIGKILL, died)

try:
    ynl.do("pool-del", {"name": POOL})
    check("pool-del is refused", False)
except NlError as e:
    check("pool-del is refused", e.error == 16 and "force" in str(e), e)
ynl.do("pool-del", {"name": POOL, "force": True})
check("pool-del and pool-del-ntf", event("pool-del-ntf").get("name") == POOL and
      not os.path.exists(NODE))

# So large that its making is worth telling
LARGE = 64 << 20
ynl.do("pool-new", {"name": POOL, "capacity": LARGE})
progress = event("progress-ntf")
check("progress-ntf", progress.get("pool") == POOL and progress["capacity"] == LARGE and
      progress["done"] <= LARGE, progress)
ynl.do("pool-del", {"name": POOL})
print("1..%d" % number)
