"""The same photo asked again is instant; anything else about it makes it another one."""

from dataclasses import replace

from bot.vocabulary import Answer, Request, State
from inference.vocabulary import RecolorOptions
from tests.bot.stand_ins import House


async def live(house: House, request: Request) -> Answer:
    await house.parts.intake.submit(request)
    await house.parts.queue.take()
    await house.pipeline.live(request.id)
    entry = await house.parts.ledger.by_id(request.id)
    assert entry is not None
    assert entry.state is State.ANSWERED
    assert isinstance(entry.outcome, Answer)
    return entry.outcome


async def test_the_same_photo_is_recolored_once(house: House) -> None:
    first = await live(house, await house.upload("photo"))
    request = await house.upload("another", "photo", requester="ben")
    second = await live(house, request)
    assert house.worker.times_asked("photo") == 1
    assert second.results[1] == replace(first.results[0], index=1, file="result-1.jpg")
    assert second.model == first.model
    assert await house.parts.storage.read(request.id, "result-1.jpg") == b"recolored photo"


async def test_other_options_are_another_result(house: House) -> None:
    await live(house, await house.upload("photo"))
    await live(house, replace(await house.upload("photo"), options=RecolorOptions(vividness=1.4)))
    assert house.worker.times_asked("photo") == 2


async def test_another_model_is_another_result(house: House) -> None:
    await live(house, await house.upload("photo"))
    house.worker.model = "newer-2233ccdd"
    assert (await live(house, await house.upload("photo"))).model == "newer-2233ccdd"
    assert house.worker.times_asked("photo") == 2


async def test_a_deleted_photo_is_forgotten_and_takes_no_other_with_it(house: House) -> None:
    first, second = await house.upload("photo"), await house.upload("photo")
    await live(house, first)
    await live(house, second)
    await house.parts.intake.withdraw(first.id)
    assert await house.parts.storage.read(second.id, "result-0.jpg") == b"recolored photo"
    await live(house, await house.upload("photo"))
    assert house.worker.times_asked("photo") == 2, "the result that was known went with the request that it was of"


async def test_a_result_whose_file_is_gone_is_made_anew(house: House) -> None:
    first = await house.upload("photo")
    await live(house, first)
    house.parts.storage.path(first.id, "result-0.jpg").unlink()
    await live(house, await house.upload("photo"))
    assert house.worker.times_asked("photo") == 2
