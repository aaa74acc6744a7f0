"""What kind of file the bytes are, by their first few."""

from __future__ import annotations

from enum import StrEnum

from inference.problems import NotAnImage, UnsupportedType

_TAKEN = "please send a JPEG, PNG, WebP, GIF, AVIF, HEIC or TIFF photo."


class FileType(StrEnum):
    """The types of picture that are taken; the values are Pillow's names of them."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WEBP"
    GIF = "GIF"
    AVIF = "AVIF"
    HEIF = "HEIF"
    TIFF = "TIFF"


_SIGNATURES = (
    (b"\xff\xd8\xff", FileType.JPEG),
    (b"\x89PNG\r\n\x1a\n", FileType.PNG),
    (b"GIF87a", FileType.GIF),
    (b"GIF89a", FileType.GIF),
    (b"II*\0", FileType.TIFF),
    (b"MM\0*", FileType.TIFF),
    (b"II+\0", FileType.TIFF),
    (b"MM\0+", FileType.TIFF),
)
_REFUSED_SIGNATURES = (
    (b"%PDF", "PDF documents"),
    (b"%!PS", "PostScript files"),
    (b"8BPS", "Photoshop files"),
    (b"gimp xcf", "GIMP files"),
    (b"\xff\x0a", "JPEG XL pictures"),
    (b"\0\0\0\x0cJXL ", "JPEG XL pictures"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000 pictures"),
    (b"\xff\x4f\xff\x51", "JPEG 2000 pictures"),
    (b"\0\0\1\0", "icons"),
    (b"\x1aE\xdf\xa3", "videos"),
    (b"OggS", "Ogg recordings"),
    (b"fLaC", "sound recordings"),
    (b"ID3", "sound recordings"),
    (b"PK\3\4", "archives and office documents"),
    (b"\x1f\x8b", "compressed files"),
    (b"7z\xbc\xaf\x27\x1c", "archives"),
    (b"Rar!\x1a\x07", "archives"),
)
_BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})
_SVG_SEARCHED = 4096


def recognise(data: bytes) -> FileType:
    """Return the type of picture that ``data`` begins like.

    Raises ``UnsupportedType`` for known types that are not taken (naming those that are), and ``NotAnImage`` for
    everything else.
    """
    for signature, file_type in _SIGNATURES:
        if data.startswith(signature):
            return file_type
    if data.startswith(b"RIFF"):
        if data[8:12] == b"WEBP":
            return FileType.WEBP
        raise refusal("videos and sound recordings")
    if data[4:8] == b"ftyp":
        return _iso_media_type(data)
    for signature, name in _REFUSED_SIGNATURES:
        if data.startswith(signature):
            raise refusal(name)
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        raise refusal("BMP pictures")
    if _is_svg(data):
        raise refusal("SVG drawings")
    raise NotAnImage


def _iso_media_type(data: bytes) -> FileType:
    """Tell AVIF and HEIC from videos by the brands in the leading ``ftyp`` box (ISO/IEC 14496-12, 4.3)."""
    end = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12]} | {data[start : start + 4] for start in range(16, end, 4)}
    if brands & _AVIF_BRANDS:
        return FileType.AVIF
    if brands & _HEIF_BRANDS:
        return FileType.HEIF
    raise refusal("camera raw files" if data[8:12] == b"crx " else "videos")


def _is_svg(data: bytes) -> bool:
    head = data[:_SVG_SEARCHED].removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith(b"<") and b"<svg" in head


def refusal(name: str) -> UnsupportedType:
    """Return the problem with a file of a known type that isn't taken, such as “videos”."""
    return UnsupportedType(f"{name[0].upper()}{name[1:]} aren't taken; {_TAKEN}")
