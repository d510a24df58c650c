"""What Redis says, in TaskShed's terms."""

import re
from typing import Any

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    RedisClusterException,
    RedisError,
    ResponseError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError

from taskshed.datastores._trouble import Kind, Trouble

# What a refusal means, by the word that it begins with. All of these come before a script's first write.
_KINDS: dict[str, Kind] = {
    "ASK": "again",
    "MOVED": "again",
    "NOSCRIPT": "again",
    "TRYAGAIN": "again",
    "BUSY": "unavailable",
    "CLUSTERDOWN": "unavailable",
    "LOADING": "unavailable",
    "MASTERDOWN": "unavailable",
    "MISCONF": "unavailable",
    "NOREPLICAS": "unavailable",
    "OOM": "unavailable",
    "READONLY": "unavailable",
    "UNBLOCKED": "unavailable",
    "NOAUTH": "refused",
    "NOPERM": "refused",
    "WRONGPASS": "refused",
}
_CLASSES: dict[str, str] = {
    "AskError": "ASK",
    "AuthenticationError": "WRONGPASS",
    "AuthenticationWrongNumberOfArgsError": "WRONGPASS",
    "BusyLoadingError": "LOADING",
    "ClusterDownError": "CLUSTERDOWN",
    "MasterDownError": "MASTERDOWN",
    "MovedError": "MOVED",
    "NoPermissionError": "NOPERM",
    "NoScriptError": "NOSCRIPT",
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
    "TryAgainError": "TRYAGAIN",
}
# Redis 6.2 wraps what a command in a script says: "ERR Error running script (...): @user_script:1: -OOM ..."
_WRAPPED = re.compile(r"@user_script: ?\d+: -?([A-Z]+) ([^\n]*)")
_NO_PERMISSION = re.compile(r"ACL failure in script|can't (run|publish|access)|no permissions", re.IGNORECASE)

# The server has become one that cannot do its work, so the next call had better ask for another.
LEAVE = ("READONLY", "MASTERDOWN", "LOADING")


class Refusal(Trouble):
    """A server's answer that it did not do something.

    Attributes:
        code: the word that tells why, such as "NOSCRIPT".
    """

    def __init__(self, kind: Kind, code: str, reason: str) -> None:
        super().__init__(kind, reason)
        self.code = code

    @property
    def is_whole(self) -> bool:
        """Whether nothing was done; a script may fail in its middle too, where somebody has spoilt its keys."""
        return self.code in _KINDS


def code_of(error: BaseException) -> str:
    """The word that tells what a refusal means, such as "NOSCRIPT"; redis-py cuts it off where it knows it."""
    for cls in type(error).__mro__:
        if cls.__name__ in _CLASSES:
            return _CLASSES[cls.__name__]
    text = str(error)
    if found := _WRAPPED.search(text):
        return found[1]
    if _NO_PERMISSION.search(text):
        return "NOPERM"
    return text.partition(" ")[0]


def refusal(error: BaseException) -> Refusal:
    """What an error in a reply means."""
    code = code_of(error)
    return Refusal(_KINDS.get(code, "refused"), code, f"{code} {_text(error, code)}".strip())


def trouble_on_the_way(error: BaseException, *, sent: bool) -> Trouble | None:
    """What an error means that is no reply; `sent` is whether something may have arrived before it."""
    match error:
        case Trouble():
            return error
        case AuthenticationError() | BusyLoadingError() | ResponseError():
            return refusal(error)
        case TimeoutError() | RedisTimeoutError():
            return Trouble("late" if sent else "unavailable", "no answer in time")
        case RedisClusterException():
            return _trouble_of_cluster(error, sent=sent)
        case RedisError() | OSError():
            reason = _text(error, "") or type(error).__name__
            return Trouble("lost", f"the connection was lost: {reason}") if sent else Trouble("unavailable", reason)
        case _:
            return None


def _trouble_of_cluster(error: BaseException, *, sent: bool) -> Trouble:
    """What it means that redis-py finds no cluster: no error of its usual kind, but somewhere within there is one."""
    cause = error.__cause__ or error.__context__
    if cause is None:
        return Trouble("unavailable", _text(error, ""))
    if "cluster support disabled" in str(cause):
        return Trouble("format", "the server is no node of a cluster; leave cluster=True out")
    return trouble_on_the_way(cause, sent=sent) or Trouble("unavailable", _text(cause, ""))


def first_error(replies: list[Any]) -> BaseException | None:
    """The first of the replies that is an error."""
    return next((reply for reply in replies if isinstance(reply, BaseException)), None)


def _text(error: BaseException, code: str) -> str:
    text = str(error).partition("\n")[0]
    if found := _WRAPPED.search(text):
        text = found[2]
    return text.removeprefix(code).removeprefix(":").strip()
