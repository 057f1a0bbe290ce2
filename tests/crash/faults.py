"""A disk that fails, or a process that dies, at one chosen call: fault_shim.cc from Python.

    faults = Faults(node)
    node.environment |= faults.environment("once", files="log/*.log", calls="write")
    faults.choose(3)          # the third such call from now on
    ...; faults.struck(); faults.what(); faults.counted()

Why not libfiu: it knows no path, so that it fails the Nth write of a socket or of a log as well as
that of a ledger, and it can neither end the process at a call nor write half of the bytes.
"""

import errno
import mmap
import os
import shutil
import struct

PAGE_BYTES = 4096
WORDS = struct.Struct("<QQQ")
WHAT_BYTES = 1024


class Faults:
    def __init__(self, node):
        self.watched = node.data_dir
        self.shim = os.path.join(os.path.dirname(node.hansa), "tests", "crash",
                                 "libfault_shim.so")
        self.file = os.path.join(node.folder, "fault-page")
        self.shadow = os.path.join(node.folder, "fault-shadow")
        with open(self.file, "wb") as stream:
            stream.write(b"\0" * PAGE_BYTES)
        with open(self.file, "r+b") as stream:
            self.page = mmap.mmap(stream.fileno(), PAGE_BYTES)

    def environment(self, how, files=None, calls=None, error=errno.EIO):
        """What a process needs to be struck; nothing is chosen yet."""
        self.page[:] = b"\0" * PAGE_BYTES
        words = {"LD_PRELOAD": self.shim, "FAULT_FOLDER": self.watched, "FAULT_HOW": how,
                 "FAULT_PAGE": self.file, "FAULT_ERROR": str(error)}
        if files:
            words["FAULT_FILES"] = files
        if calls:
            words["FAULT_CALLS"] = calls
        return words

    def keep_shadow(self):
        """More words for an environment: from now on it is known what a power loss would leave;
        all that stands there now."""
        shutil.rmtree(self.shadow, ignore_errors=True)
        os.mkdir(self.shadow)
        for file, status in self.files():
            shutil.copyfile(file, os.path.join(self.shadow, str(status.st_ino)))
        return {"FAULT_SHADOW": self.shadow}

    def lose_power(self):
        """Every file is again as it was when it was last synced. Names stay: of files that were
        made, renamed or removed nothing is taken back."""
        for file, status in self.files():
            kept = os.path.join(self.shadow, str(status.st_ino))
            with open(file, "wb") as stream:
                if os.path.exists(kept):
                    with open(kept, "rb") as source:
                        shutil.copyfileobj(source, stream)

    def files(self):
        for path, _, names in os.walk(self.watched):
            for name in names:
                file = os.path.join(path, name)
                yield file, os.stat(file)

    def choose(self, number):
        """The call with this number from now on, from 1."""
        self.page[0:8] = struct.pack("<Q", self.counted() + number)

    def heal(self):
        """From now on no call is struck."""
        self.page[0:8] = struct.pack("<Q", 0)

    def counted(self):
        return WORDS.unpack_from(self.page)[1]

    def struck(self):
        return WORDS.unpack_from(self.page)[2]

    def what(self):
        """Kind and path of the first call that was struck, relative to the folder."""
        text = self.page[WORDS.size:WORDS.size + WHAT_BYTES].split(b"\0")[0].decode()
        return text.replace(self.watched + "/", "")
