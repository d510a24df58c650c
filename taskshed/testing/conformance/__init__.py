"""What every store must do, as tests that any store can run; needs pytest."""

import pkgutil

import pytest

# Before the topics are imported, so that their assertions show the values when they fail.
pytest.register_assert_rewrite(*(f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__)))

# ruff: noqa: E402 - see above
from taskshed.testing.conformance._add import AddConformance
from taskshed.testing.conformance._big_batches import BigBatchesConformance
from taskshed.testing.conformance._cancel import CancelConformance
from taskshed.testing.conformance._cancellation import CancellationConformance
from taskshed.testing.conformance._children import ChildrenConformance
from taskshed.testing.conformance._claim import ClaimConformance
from taskshed.testing.conformance._concurrency import ConcurrencyConformance
from taskshed.testing.conformance._expiry import ExpiryConformance
from taskshed.testing.conformance._failed import FailedConformance
from taskshed.testing.conformance._fetch import FetchConformance
from taskshed.testing.conformance._groups import GroupsConformance
from taskshed.testing.conformance._move import MoveConformance
from taskshed.testing.conformance._names import NamesConformance
from taskshed.testing.conformance._next_due import NextDueConformance
from taskshed.testing.conformance._note import NoteConformance
from taskshed.testing.conformance._notices import NoticesConformance
from taskshed.testing.conformance._order import OrderConformance
from taskshed.testing.conformance._overlap import OverlapConformance
from taskshed.testing.conformance._pause import PauseConformance
from taskshed.testing.conformance._paused_runs import PausedRunsConformance
from taskshed.testing.conformance._policies import PoliciesConformance
from taskshed.testing.conformance._progress import ProgressConformance
from taskshed.testing.conformance._remove import RemoveConformance
from taskshed.testing.conformance._renew import RenewConformance
from taskshed.testing.conformance._replace import ReplaceConformance
from taskshed.testing.conformance._restart import RestartConformance
from taskshed.testing.conformance._settle import SettleConformance
from taskshed.testing.conformance._stale import StaleConformance
from taskshed.testing.conformance._time_zones import TimeZonesConformance
from taskshed.testing.conformance._tokens import TokensConformance
from taskshed.testing.conformance._values import ValuesConformance

__all__ = ["StoreConformance"]


class StoreConformance(
    AddConformance,
    ReplaceConformance,
    NamesConformance,
    ValuesConformance,
    FetchConformance,
    GroupsConformance,
    PauseConformance,
    PausedRunsConformance,
    PoliciesConformance,
    OverlapConformance,
    MoveConformance,
    RemoveConformance,
    FailedConformance,
    ClaimConformance,
    TokensConformance,
    NextDueConformance,
    SettleConformance,
    ProgressConformance,
    StaleConformance,
    ChildrenConformance,
    RenewConformance,
    CancelConformance,
    NoteConformance,
    ExpiryConformance,
    OrderConformance,
    TimeZonesConformance,
    BigBatchesConformance,
    ConcurrencyConformance,
    CancellationConformance,
    NoticesConformance,
    RestartConformance,
):
    """All tests of a store.

    Subclass it, and provide a running and empty `DataStore` as the fixture `datastore`::

        @pytest.fixture
        async def datastore():
            async with DataStore(MyStorage()) as datastore:
                yield datastore

        class TestMyStore(StoreConformance):
            pass

    The tests run on every backend of your `anyio_backend` fixture. They never sleep, and never take the machine's
    clock for the store's.
    """

    pytestmark = pytest.mark.anyio
