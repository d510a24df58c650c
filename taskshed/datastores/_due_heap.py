"""Due times in memory: a heap with lazy deletion, everything in O(log n)."""

from heapq import heapify, heappop, heappush

_MIN_COMPACTION = 64


class DueHeap:
    """Ids by due time, ties in the order they were set.

    An entry counts only while it is the newest of its id. Stale ones are skipped when they come up, and
    the heap is rebuilt when they are the greater part of it.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, str]] = []
        self._newest: dict[str, int] = {}
        self._serial = 0

    def set(self, task_id: str, due: int | None) -> None:
        """Let `task_id` be due then; None: never."""
        if due is None:
            self._newest.pop(task_id, None)
        else:
            self._serial += 1
            self._newest[task_id] = self._serial
            heappush(self._heap, (due, self._serial, task_id))
        if len(self._heap) > 2 * len(self._newest) + _MIN_COMPACTION:
            self._heap = [entry for entry in self._heap if self._newest.get(entry[2]) == entry[1]]
            heapify(self._heap)

    def earliest(self) -> int | None:
        """The earliest due time."""
        while self._heap:
            due, serial, task_id = self._heap[0]
            if self._newest.get(task_id) == serial:
                return due
            heappop(self._heap)
        return None

    def pop(self, until: int) -> str | None:
        """Take out the id that is due first, if that is not later than `until`."""
        due = self.earliest()
        if due is None or due > until:
            return None
        task_id = heappop(self._heap)[2]
        del self._newest[task_id]
        return task_id
