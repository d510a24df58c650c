"""Processes that share a database, and what tests hear of them."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryFile
from threading import Thread
from typing import NamedTuple

FOLDER = Path(__file__).parent
PATIENCE = 60.0  # seconds for whatever is waited for
GLANCE = 0.2  # seconds of silence, after which to see whether all processes are well


class Run(NamedTuple):
    """A run that a worker has begun, or that was cancelled; `at` is the machine's monotonic time, if it was said."""

    task_id: str
    pid: int
    at: int = 0


class Member:
    """One process; it ends when its input does."""

    def __init__(self, program: str, arguments: tuple[str, ...], output: int) -> None:
        command = [sys.executable, "-W", "error", str(FOLDER / program), *arguments]
        self._complaints = TemporaryFile()  # noqa: SIM115 - a pipe might fill and stop who writes to it
        self._exit_code = 0
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=self._complaints)
        assert self._process.stdin is not None
        self._input = self._process.stdin
        self.pid = self._process.pid

    @property
    def stopped(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None

    def tell(self, line: str) -> None:
        self._input.write(f"{line}\n".encode())
        self._input.flush()

    @property
    def exit_code(self) -> int | None:
        """None as long as it runs."""
        return self._process.poll()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._exit_code = -signal.SIGKILL
        self._process.kill()
        self._process.wait()

    def ask_to_end(self) -> None:
        self._input.close()

    def end(self) -> None:
        self.ask_to_end()
        self._process.wait(PATIENCE)
        self.check()

    def check(self) -> None:
        """See that it is well, or has ended well, and has never had anything to complain of."""
        complaints = os.pread(self._complaints.fileno(), 100_000, 0).decode()
        exit_code = self._process.poll()
        if complaints or exit_code not in (None, self._exit_code):
            state = "runs" if exit_code is None else f"ended with {exit_code}"
            raise AssertionError(f"{self._process.args!r} {state} and says:\n{complaints}")

    def clear_away(self) -> None:
        self.kill()
        self._input.close()
        self._complaints.close()


class Pipe:
    """Where processes write lines, which `take` gets one by one, in a thread.

    Whoever writes shall never wait for the test: a worker that waits does not renew its leases.

    Attributes:
        sender: the end to write to; -1 once that is closed here.
    """

    def __init__(self, take: Callable[[str], None]) -> None:
        receiver, self.sender = os.pipe()
        self._take = take
        self._reader = Thread(target=self._read, args=(receiver,))
        self._reader.start()

    def close(self) -> None:
        """Wait until all who write have ended, and all that they wrote was taken."""
        if self.sender != -1:
            os.close(self.sender)
            self.sender = -1
            self._reader.join()

    def _read(self, receiver: int) -> None:
        with os.fdopen(receiver) as lines:
            for line in lines:
                self._take(line.strip())


class Crew:
    """Processes that write to one pipe.

    Attributes:
        runs, cancelled: what workers have begun, in this order, and what they say was cancelled.
        added: the ids of the tasks that schedulers have added.
    """

    def __init__(self) -> None:
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._pipe = Pipe(self._lines.put)
        self._members: list[Member] = []
        self._said: Counter[str] = Counter()
        self.runs: list[Run] = []
        self.cancelled: list[Run] = []
        self.added: list[str] = []

    def start(self, program: str, *arguments: object) -> Member:
        member = Member(program, tuple(map(str, arguments)), self._pipe.sender)
        self._members.append(member)
        return member

    def hear_until(self, condition: Callable[[], bool]) -> None:
        """Take in what they write until a condition is true."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            try:
                self._take_in(self._lines.get(timeout=GLANCE))
            except Empty:
                for member in self._members:
                    member.check()
            assert time.monotonic() < deadline, f"{len(self.runs)} runs, {len(self.added)} added, said: {self._said}"

    def hear_from(self, count: int, word: str) -> None:
        """Take in what they write until so many have said that word."""
        self.hear_until(lambda: self._said[word] == count)

    def end(self) -> None:
        """End all, and take in the rest of what they write."""
        for member in self._members:
            member.ask_to_end()
        for member in self._members:
            member.end()
        self._pipe.close()
        while not self._lines.empty():
            self._take_in(self._lines.get())

    def clear_away(self) -> None:
        for member in self._members:
            member.clear_away()
        self._pipe.close()

    def _take_in(self, line: str) -> None:
        match line.split():
            case [("ready" | "open" | "done") as word]:
                self._said[word] += 1
            case "runs", task_id, *numbers:
                self.runs.append(Run(task_id, *map(int, numbers)))
            case "cancelled", task_id, *numbers:
                self.cancelled.append(Run(task_id, *map(int, numbers)))
            case "added", *task_ids:
                self.added += task_ids
            case _:
                raise AssertionError(f"nobody writes {line}")


@contextmanager
def a_crew() -> Iterator[Crew]:
    """A crew that is gone at the end, however that comes."""
    crew = Crew()
    try:
        yield crew
    finally:
        crew.clear_away()
