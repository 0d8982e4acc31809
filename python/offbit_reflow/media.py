"""Media packets: tensors and video frames as bytes, to and from NumPy arrays.

The components of ``reflow.pack.ml`` exchange them. A packet is a JSON header with the raw numbers behind it::

    from offbit_reflow import media

    packet = media.tensor_packet(np.zeros((1, 224, 224, 3), np.float32), name="image")
    media.read_tensor(packet).array.shape       # (1, 224, 224, 3), a view into the packet

Reading copies nothing. NumPy is needed for both directions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Buffer

__all__ = ["Frame", "Tensor", "frame_packet", "read_frame", "read_tensor", "tensor_packet"]

_ALIGNMENT = 64
_DTYPES = {"f32": "<f4", "f16": "<f2", "i32": "<i4", "i64": "<i8", "u8": "|u1", "i8": "|i1", "bool": "|b1"}
_CHANNELS = {"gray8": 1, "rgb8": 3, "rgba8": 4, "bgra8": 4, "f32-rgb": 3, "f32-rgba": 4}


@dataclass(frozen=True)
class Tensor:
    """A tensor that came in a packet.

    Attributes
    ----------
    array
        The numbers, a read-only view into the packet.
    name
        What the tensor is called, or None.
    metadata
        What travels with it: ``timestamp``, ``sequence``, ``streamId``, ``source``, ``fields``.

    Examples
    --------
    >>> from offbit_reflow.media import read_tensor, tensor_packet
    >>> tensor = read_tensor(tensor_packet([1.0, 2.0], name="scores"))
    >>> tensor.name, tensor.array.tolist()
    ('scores', [1.0, 2.0])
    """

    array: NDArray[Any]
    name: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Frame:
    """A video frame that came in a packet.

    Attributes
    ----------
    array
        The pixels, rows first: height × width × channels, a read-only view into the packet. Grey frames have one channel.
    format
        ``rgba8``, ``rgb8``, ``bgra8``, ``gray8``, ``f32-rgb`` or ``f32-rgba``.
    metadata
        What travels with it.

    Examples
    --------
    >>> import numpy
    >>> from offbit_reflow.media import frame_packet, read_frame
    >>> frame = read_frame(frame_packet(numpy.zeros((48, 64, 3), numpy.uint8)))
    >>> frame.format, frame.array.shape
    ('rgb8', (48, 64, 3))
    """

    array: NDArray[Any]
    format: str = "rgba8"
    metadata: dict[str, Any] = field(default_factory=dict)


def tensor_packet(array: Any, name: str | None = None, metadata: Mapping[str, Any] | None = None) -> bytes:
    """Make the packet of a tensor.

    Parameters
    ----------
    array
        Numbers of the types float32, float16, int32, int64, uint8, int8 or bool; float64 becomes float32.
    name
        What the tensor is called.
    metadata
        What travels with it.

    Raises
    ------
    TypeError
        For numbers of another type.

    Examples
    --------
    >>> from offbit_reflow.media import read_tensor, tensor_packet
    >>> read_tensor(tensor_packet([[1, 2], [3, 4]])).array.shape
    (2, 2)
    """
    import numpy as np

    numbers = np.asarray(array)
    if numbers.dtype == np.float64:
        numbers = numbers.astype(np.float32)
    word = next((word for word, code in _DTYPES.items() if numbers.dtype == np.dtype(code)), None)
    if word is None:
        raise TypeError(f"a tensor holds {', '.join(_DTYPES)}, not {numbers.dtype}")
    numbers = np.ascontiguousarray(numbers, np.dtype(_DTYPES[word])).reshape(numbers.shape)
    payload: dict[str, Any] = {
        "name": name,
        "dtype": word,
        "shape": {"dims": list(numbers.shape)},
        "metadata": dict(metadata or {}),
    }
    return _packet("tensor", payload, numbers)


def frame_packet(array: Any, format: str | None = None, metadata: Mapping[str, Any] | None = None) -> bytes:  # noqa: A002
    """Make the packet of a video frame.

    Parameters
    ----------
    array
        Pixels, height × width × channels, or height × width for grey: uint8, or float32 of 3 or 4 channels.
    format
        ``rgba8``, ``rgb8``, ``bgra8``, ``gray8``, ``f32-rgb`` or ``f32-rgba``; by type and channels when not given.
    metadata
        What travels with it.

    Raises
    ------
    ValueError
        When the array is no picture, or not one of the format.

    Examples
    --------
    >>> import numpy
    >>> from offbit_reflow.media import frame_packet, read_frame
    >>> packet = frame_packet(numpy.zeros((48, 64), numpy.uint8), metadata={"sequence": 7})
    >>> read_frame(packet).metadata
    {'sequence': 7}
    """
    import numpy as np

    pixels = np.asarray(array)
    if pixels.ndim == 2:
        pixels = pixels[..., np.newaxis]
    is_float = pixels.dtype.kind == "f"
    names = {3: "f32-rgb", 4: "f32-rgba"} if is_float else {1: "gray8", 3: "rgb8", 4: "rgba8"}
    if pixels.ndim != 3 or pixels.shape[2] not in names or 0 in pixels.shape:
        raise ValueError(f"a frame is height × width × {' or '.join(map(str, names))} channels, not {pixels.shape}")
    chosen = format or names[pixels.shape[2]]
    if _CHANNELS.get(chosen) != pixels.shape[2] or chosen.startswith("f32") != is_float:
        raise ValueError(
            f"{pixels.shape} of {pixels.dtype} is no frame of the format {chosen!r}; there are {', '.join(_CHANNELS)}"
        )
    pixels = np.ascontiguousarray(pixels, "<f4" if is_float else "|u1")
    payload = {
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "format": chosen,
        "stride": None,
        "metadata": dict(metadata or {}),
    }
    return _packet("video-frame", payload, pixels)


def read_tensor(packet: Buffer) -> Tensor:
    """Read the packet of a tensor; the numbers are a view into it.

    Raises
    ------
    ValueError
        When it is no packet of a tensor.

    Examples
    --------
    >>> from offbit_reflow.media import read_tensor, tensor_packet
    >>> read_tensor(tensor_packet([1.0, 2.0])).array.tolist()
    [1.0, 2.0]
    """
    import numpy as np

    payload, data = _read(packet, "tensor")
    try:
        code, dims = _DTYPES[payload["dtype"]], payload["shape"]["dims"]
        array: NDArray[np.generic] = np.frombuffer(data, code).reshape(dims)
    except (KeyError, TypeError) as error:
        raise ValueError(f"the header of the tensor is not whole: {error!r}") from None
    return Tensor(array, payload.get("name"), dict(payload.get("metadata") or {}))


def read_frame(packet: Buffer) -> Frame:
    """Read the packet of a video frame; the pixels are a view into it.

    Raises
    ------
    ValueError
        When it is no packet of a video frame, or has fewer bytes than its size says.

    Examples
    --------
    >>> import numpy
    >>> from offbit_reflow.media import frame_packet, read_frame
    >>> read_frame(frame_packet(numpy.zeros((2, 2), numpy.uint8))).format
    'gray8'
    """
    import numpy as np

    payload, data = _read(packet, "video-frame")
    try:
        width, height, name = payload["width"], payload["height"], payload["format"]
        channels = _CHANNELS.get(name, 4) if isinstance(name, str) else 4
        code = np.dtype("<f4" if str(name).startswith("f32") else "|u1")
        tight = width * channels * code.itemsize
        stride = payload.get("stride") or tight
        array: NDArray[Any] = np.ndarray(
            (height, width, channels), code, data, 0, (stride, channels * code.itemsize, code.itemsize)
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"the frame is not whole: {error}") from None
    array.flags.writeable = False
    return Frame(array, str(name), dict(payload.get("metadata") or {}))


def _packet(kind: str, payload: dict[str, Any], array: NDArray[Any]) -> bytes:
    header = json.dumps({"kind": kind, "version": 1, "payload": payload, "byteLen": array.nbytes}).encode()
    header = header.ljust(-(-(4 + len(header)) // _ALIGNMENT) * _ALIGNMENT - 4)
    return b"".join(
        (len(header).to_bytes(4, "little"), header, array.reshape(-1).view("|u1").data if array.size else b"")
    )


def _read(packet: Buffer, kind: str) -> tuple[dict[str, Any], memoryview]:
    view = memoryview(packet).cast("B")
    length = int.from_bytes(view[:4], "little")
    if len(view) < 4 or length > len(view) - 4:
        raise ValueError("this is no media packet: its header goes past its end")
    try:
        header = json.loads(bytes(view[4 : 4 + length]))
        version, found, payload, size = header["version"], header["kind"], header["payload"], header["byteLen"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"this is no media packet: {error!r}") from None
    data = view[4 + length :]
    if version != 1 or found != kind or size != len(data) or not isinstance(payload, dict):
        raise ValueError(
            f"expected a media packet of the kind {kind!r} and version 1 with {len(data)} bytes, "
            f"found {found!r}, version {version!r}, {size!r} bytes"
        )
    return payload, data.toreadonly()
