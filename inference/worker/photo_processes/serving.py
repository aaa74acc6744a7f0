"""A photo process's life: it decodes photos, keeps them while the network works, and encodes them."""

from __future__ import annotations

import os
import socket
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from inference.imaging import Limits, Photo, decode, encode, measure
from inference.problems import Problem
from inference.vocabulary import RecolorOptions
from inference.worker.heap import give_back_memory
from inference.worker.out_of_memory import is_out_of_memory
from inference.worker.photo_processes import LARGE_PIXELS
from inference.worker.photo_processes.messages import (
    Blob,
    Header,
    plane_blobs,
    planes_of,
    receive,
    send,
)
from inference.worker.profiling import Sampler
from inference.worker.sandbox import confine

_PROBLEM = "problem"
_OUT_OF_MEMORY = "out_of_memory"
_FAILURE = "failure"


def serve(connection: socket.socket) -> None:
    """Do what is asked for, one thing after the other, until the worker closes the connection."""
    try:
        first, _ = receive(connection)
        process = _Process(Limits(**first["limits"]), Sampler() if first["profile"] else None)
        send(connection, process.introduce(first["memory_bytes"]))
        while True:
            header, blobs = receive(connection)
            if header["do"] == "forget":
                process.forget(header["photo"])
                continue
            answer, pieces = process.answer(header, blobs)
            send(connection, answer, pieces)
    except (EOFError, ConnectionError):
        return  # the worker has gone, or does without this process


@dataclass(slots=True)
class _Process:
    limits: Limits
    sampler: Sampler | None
    photos: dict[int, Photo] = field(default_factory=dict)

    def introduce(self, memory_bytes: int) -> Header:
        """Lock the process in, and say who it is."""
        confinement = confine(memory_bytes, None)  # while there is no other thread
        threading.current_thread().name = "photo"
        if self.sampler is not None:
            self.sampler.start()
        return {"pid": os.getpid(), "missing": confinement.missing}

    def answer(self, header: Header, blobs: list[bytes]) -> tuple[Header, list[Blob]]:
        """Do one thing; every way in which a photo can fail is an answer too."""
        works: dict[str, Callable[[Header, list[bytes]], tuple[Header, list[Blob]]]] = {
            "measure": self._measure,
            "decode": self._decode,
            "encode": self._encode,
            "profile": self._profile,
        }
        began = time.perf_counter()
        try:
            answer, pieces = works[header["do"]](header, blobs)
        except Problem as problem:
            return {_PROBLEM: problem.to_json()}, []
        except Exception as error:  # noqa: BLE001 - the worker is told of every bug, and tells of it
            if is_out_of_memory(error):
                return {_OUT_OF_MEMORY: True}, []
            return {_FAILURE: traceback.format_exc()}, []
        return {**answer, "seconds": time.perf_counter() - began}, pieces

    def forget(self, number: int) -> None:
        """Let a photo go, and what a large one has used."""
        photo = self.photos.pop(number, None)
        if photo is not None and photo.pixels > LARGE_PIXELS:
            del photo
            give_back_memory()

    def _measure(self, header: Header, blobs: list[bytes]) -> tuple[Header, list[Blob]]:
        return {"pixels": measure(blobs[0], self.limits)}, []

    def _decode(self, header: Header, blobs: list[bytes]) -> tuple[Header, list[Blob]]:
        photo = decode(blobs[0], self.limits)
        shapes, pieces = plane_blobs(photo.network_input([(rows, columns) for rows, columns in header["shapes"]]))
        self.photos[header["photo"]] = photo
        return {"kind": photo.kind, "shapes": shapes}, pieces

    def _encode(self, header: Header, blobs: list[bytes]) -> tuple[Header, list[Blob]]:
        photo = self.photos[header["photo"]]
        picture = encode(photo, planes_of(header["shapes"], blobs), RecolorOptions.from_query(header["options"]))
        return {"media_type": picture.media_type, "width": picture.width, "height": picture.height}, [picture.data]

    def _profile(self, header: Header, blobs: list[bytes]) -> tuple[Header, list[Blob]]:
        places = self.sampler.stop() if self.sampler is not None else {}
        return {"places": [[*place, seconds] for place, seconds in places.items()]}, []
