"""Mailboxes that drop nothing, and askers that are never left waiting."""

from collections.abc import Awaitable, Callable

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from taskshed._actor import Request, ask, serve
from taskshed._mailbox import Mailbox
from taskshed.errors import NotRunningError

pytestmark = pytest.mark.anyio

Requests = list[Request[int, str]]
Asked = Mailbox[Request[int, str]]


async def echo(batch: Requests) -> None:
    for request in batch:
        request.reply(f"{request.message}")


async def test_all_that_waits_is_received_at_once_in_order() -> None:
    mailbox: Mailbox[int] = Mailbox(5)
    for n in range(5):
        await mailbox.tell(n)
    assert await mailbox.receive() == [0, 1, 2, 3, 4]
    assert mailbox.receive_nowait() == []
    mailbox.discard()


async def test_telling_a_full_mailbox_waits_and_drops_nothing() -> None:
    mailbox: Mailbox[int] = Mailbox(2)
    told, received = list[int](), list[int]()

    async def tell_all() -> None:
        for n in range(100):
            await mailbox.tell(n)
            told.append(n)
        mailbox.close()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tell_all)
        await wait_all_tasks_blocked()
        assert told == [0, 1]
        while batch := await mailbox.receive():
            received += batch
    assert received == told == list(range(100))
    mailbox.discard()


async def test_many_senders_lose_nothing_and_each_keeps_its_order() -> None:
    mailbox: Mailbox[tuple[int, int]] = Mailbox(3)
    received: list[tuple[int, int]] = []

    async def tell_all(sender: int) -> None:
        for n in range(20):
            await mailbox.tell((sender, n))

    async with anyio.create_task_group() as tasks:
        for sender in range(10):
            tasks.start_soon(tell_all, sender)
        while len(received) < 200:
            received += await mailbox.receive()
    for sender in range(10):
        assert [n for one, n in received if one == sender] == list(range(20))
    mailbox.discard()


async def test_a_receiver_waits_for_a_message() -> None:
    mailbox: Mailbox[int] = Mailbox(1)
    received: list[list[int]] = []

    async def receive() -> None:
        received.append(await mailbox.receive())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(receive)
        await wait_all_tasks_blocked()
        assert received == []
        await mailbox.tell(1)
    assert received == [[1]]
    mailbox.discard()


async def test_a_closed_mailbox_takes_nothing_but_gives_the_rest() -> None:
    mailbox: Mailbox[int] = Mailbox(5)
    await mailbox.tell(1)
    mailbox.close()
    mailbox.close()
    with pytest.raises(NotRunningError):
        await mailbox.tell(2)
    assert [await mailbox.receive(), await mailbox.receive(), mailbox.receive_nowait()] == [[1], [], []]
    mailbox.discard()


async def test_a_discarded_mailbox_hands_over_what_nobody_received() -> None:
    mailbox: Mailbox[int] = Mailbox(5)
    await mailbox.tell(1)
    await mailbox.tell(2)
    assert mailbox.discard() == [1, 2]
    with pytest.raises(NotRunningError):
        await mailbox.tell(3)


async def test_who_waits_to_tell_a_mailbox_that_is_discarded_is_told_or_handed_over() -> None:
    mailbox: Mailbox[int] = Mailbox(2)
    refused: list[int] = []

    async def tell(n: int) -> None:
        try:
            await mailbox.tell(n)
        except NotRunningError:
            refused.append(n)

    async with anyio.create_task_group() as tasks:
        for n in range(7):
            tasks.start_soon(tell, n)
        await wait_all_tasks_blocked()
        handed_over = mailbox.discard()
    assert sorted(handed_over + refused) == list(range(7))


async def test_a_cancelled_receiver_loses_no_message() -> None:
    mailbox: Mailbox[int] = Mailbox(1)
    received: list[int] = []
    async with anyio.create_task_group() as tasks:

        async def receive(scope: anyio.CancelScope) -> None:
            with scope:
                received.extend(await mailbox.receive())

        for n in range(20):
            scope = anyio.CancelScope()
            tasks.start_soon(receive, scope)
            await wait_all_tasks_blocked() if n % 10 == 0 else await anyio.lowlevel.checkpoint()
            await mailbox.tell(n)
            scope.cancel()
            await anyio.lowlevel.checkpoint()
            received += mailbox.receive_nowait()
    assert sorted(received) == list(range(20))
    mailbox.discard()


async def test_every_asker_gets_its_own_answer() -> None:
    mailbox: Asked = Mailbox(3)
    answers: dict[int, str] = {}

    async def ask_for(n: int) -> None:
        answers[n] = await ask(mailbox, n)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serve, mailbox, echo)
        async with anyio.create_task_group() as askers:
            for n in range(50):
                askers.start_soon(ask_for, n)
        mailbox.close()
    assert answers == {n: f"{n}" for n in range(50)}


async def test_a_failed_request_raises_at_its_asker_alone() -> None:
    async def refuse_odd(batch: Requests) -> None:
        for request in batch:
            if request.message % 2:
                request.fail(KeyError(request.message))
            else:
                request.reply("even")

    mailbox: Asked = Mailbox(3)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serve, mailbox, refuse_odd)
        with pytest.raises(KeyError, match="1"):
            await ask(mailbox, 1)
        assert await ask(mailbox, 2) == "even"
        mailbox.close()


async def test_an_answer_is_not_taken_back_by_a_later_failure() -> None:
    unanswered, failed, done = (Request[int, str](n) for n in range(3))
    failed.fail(KeyError())
    done.reply("done")
    done.fail(KeyError())
    assert [request.answered for request in (unanswered, failed, done)] == [False, False, True]
    assert await done.outcome() == "done"


async def test_what_was_told_before_the_close_is_served() -> None:
    mailbox: Asked = Mailbox(3)
    requests = [Request[int, str](n) for n in range(3)]
    for request in requests:
        await mailbox.tell(request)
    mailbox.close()
    await serve(mailbox, echo)
    assert [await request.outcome() for request in requests] == ["0", "1", "2"]
    with pytest.raises(NotRunningError):
        await ask(mailbox, 3)


async def broken(batch: Requests) -> None:
    batch[0].reply("the first was done")
    raise RuntimeError("broken")


async def stuck(batch: Requests) -> None:
    batch[0].reply("the first was done")
    await anyio.sleep_forever()


@pytest.mark.parametrize("handle", [broken, stuck], ids=["broken", "cancelled"])
async def test_when_an_actor_breaks_or_is_cancelled_no_asker_is_left_waiting(
    handle: Callable[[Requests], Awaitable[None]],
) -> None:
    mailbox: Asked = Mailbox(2)
    answers: list[str] = []

    async def ask_for(n: int) -> None:
        try:
            answers.append(await ask(mailbox, n))
        except NotRunningError:
            answers.append("not running")

    async def act(scope: anyio.CancelScope) -> None:
        with scope:
            if handle is broken:
                with pytest.raises(RuntimeError, match="broken"):
                    await serve(mailbox, handle)
            else:
                await serve(mailbox, handle)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as askers:
            for n in range(9):
                askers.start_soon(ask_for, n)
            await wait_all_tasks_blocked()
            scope = anyio.CancelScope()
            askers.start_soon(act, scope)
            await wait_all_tasks_blocked()
            scope.cancel()
    assert sorted(answers) == ["not running"] * 8 + ["the first was done"]


async def test_requests_whose_askers_have_gone_are_skipped() -> None:
    mailbox: Asked = Mailbox(5)
    handled: list[int] = []

    async def note(batch: Requests) -> None:
        handled.extend(request.message for request in batch)
        await echo(batch)

    async with anyio.create_task_group() as askers:
        askers.start_soon(ask, mailbox, 1)
        await wait_all_tasks_blocked()
        askers.cancel_scope.cancel()
    kept: Request[int, str] = Request(2)
    await mailbox.tell(kept)
    mailbox.close()
    await serve(mailbox, note)
    assert handled == [2]


async def test_an_asker_cancelled_at_the_moment_of_its_answer_hands_it_on() -> None:
    mailbox: Asked = Mailbox(5)
    returned: list[str] = []

    async def take_back(reply: str) -> None:
        await anyio.lowlevel.checkpoint()
        returned.append(reply)

    async with anyio.create_task_group() as askers:
        askers.start_soon(ask, mailbox, 1, take_back)
        [request] = await mailbox.receive()
        askers.cancel_scope.cancel()
        request.reply("here you are")
    assert request.abandoned
    assert returned == ["here you are"]
    mailbox.discard()
