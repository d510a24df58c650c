"""What grows with the number of tasks is told, whatever it is."""

import asyncio

import pytest
from soak.measures import TOLERANCES, Sample, Samples, own_figures

FIGURES = dict.fromkeys(TOLERANCES, 1000)


@pytest.mark.parametrize("name", TOLERANCES)
def test_what_grows_more_than_it_may_is_told(name: str) -> None:
    samples = Samples(dict)
    most = TOLERANCES[name].most(1000)
    samples.taken += [Sample("50 %", 1, FIGURES), Sample("end", 2, FIGURES | {name: most})]
    assert samples.growth("50 %", "end") == []
    samples.taken.append(Sample("later", 3, FIGURES | {name: most + 1}))
    (told,) = samples.growth("50 %", "later")
    assert told.startswith(f"{name} grew from 1,000 to ")


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_task_that_has_ended_counts_as_long_as_somebody_holds_it() -> None:
    async def nothing() -> None: ...

    before = own_figures()["tasks"]
    ended = [asyncio.create_task(nothing()) for _ in range(3)]
    await asyncio.gather(*ended)
    assert own_figures()["tasks"] == before + 3
