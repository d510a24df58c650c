"""When a worker looks into the datastore for what is due: decisions only.

All instants are monotonic microseconds, but for those of commands and answers, which are the store's wall clock's.
"""

from collections.abc import Callable

from taskshed.datastores.commands import Claim, Claimed, Settle, earliest_due

# (now, earliest due time in the datastore or None) -> when to look next, or None for "when told"
WakeRule = Callable[[int, int | None], int | None]

OTHERS_TURN = 20_000  # how long to leave what others are just about to claim or change
_COURTESY = 100_000  # how much later to come for what was left for others


class Looks:
    """The next look of one worker.

    Attributes:
        lead: how far the store's clock is ahead of ours.
        at: when to look; None: when told.
    """

    def __init__(self, rule: WakeRule, now: int) -> None:
        self.lead = 0
        self.at: int | None = now
        self._rule = rule
        self._noticed: int | None = None
        self._left: set[int] = set()
        self._lease_is_next = False
        self._saw_nothing = False
        self._is_old = False

    def noticed(self, due: int) -> None:
        """Something may be due at that instant of the store's clock.

        A notice that comes while a look is under way may be news to that look.
        """
        self._noticed = earliest(self._noticed, due)
        self.at = earliest(self.at, self._ours(due))

    def begun(self) -> None:
        """The look is under way."""
        self._noticed = None
        self._is_old = False

    def answered(self, command: Claim, answer: Claimed, now: int) -> None:
        """Plan the next look after what the last one saw."""
        due = answer.next_due
        self.at = self._rule(now, None if due is None else self._ours(due))
        nothing_due = not answer.records and (due is None or due > answer.now)
        self._saw_nothing = nothing_due and not self._is_old
        own_lease = answer.now + command.lease
        self._lease_is_next = bool(answer.records) and due == own_lease and self.at == self._ours(due)
        if due is not None and due <= answer.now and len(answer.records) < command.limit:
            self.at = now + OTHERS_TURN
        if self._noticed is not None:
            self.at = earliest(self.at, self._ours(self._noticed))

    def settling(self, command: Settle, now: int) -> None:
        """If what is settled was itself what is next, or is due again, a look goes with it."""
        self._saw_nothing = False
        given_back = [item.run_at for item in command.settlements if item.outcome == "released"]
        self._left = {at for at in (*self._left, *given_back) if at - self.lead > now}
        due = earliest_due(command, None)
        if self._lease_is_next or (due is not None and due - self.lead <= now):
            self.at = now

    def anew(self) -> None:
        """Let no look that was begun before count for `saw_nothing`."""
        self._saw_nothing = False
        self._is_old = True

    def saw_nothing(self, now: int) -> bool:
        """Whether nothing was due when nothing ran; until then, plan the look that tells."""
        if not self._saw_nothing and (self.at is None or self.at > now + OTHERS_TURN):
            self.at = now
        return self._saw_nothing

    def end(self) -> None:
        """Look no more."""
        self._lease_is_next = False
        self.at = None

    def _ours(self, due: int) -> int:
        """When to come for what is due then: for what was left for others, after them."""
        return due - self.lead + (_COURTESY if due in self._left else 0)


def earliest(*instants: int | None) -> int | None:
    """The first of them, if there is any."""
    return min((instant for instant in instants if instant is not None), default=None)
