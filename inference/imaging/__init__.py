"""Turns image files into what the network sees, and the network's answer into image files, at full size.

Three steps, so that a worker can run the first and the last in other processes and batch the middle one on its device::

    photo = decode(data, Limits())
    ab = [predict(lightness) for lightness in photo.network_input(shapes)]
    picture = encode(photo, ab, RecolorOptions())
"""

from inference.imaging.decoding import decode
from inference.imaging.encoding import Picture, encode
from inference.imaging.limits import Limits
from inference.imaging.opening import measure, open_checked
from inference.imaging.photo import Photo

__all__ = ["Limits", "Photo", "Picture", "decode", "encode", "measure", "open_checked"]
