"""Pictures and meshes that notebooks show."""

import struct
import zlib

import pytest

from offbit_reflow import Image, Mesh, Message, Network, pictures, template_actor


def decoded(png):
    """Read the pixels of a PNG file of RGBA rows without filters."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    at, data = 8, b""
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        name, chunk = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        assert struct.unpack(">I", png[at + 8 + size : at + 12 + size]) == (zlib.crc32(name + chunk),)
        data += chunk if name == b"IDAT" else b""
        at += 12 + size
    rows = zlib.decompress(data)
    row = 1 + 4 * width
    return width, height, b"".join(rows[start + 1 : start + row] for start in range(0, height * row, row))


def test_a_png_holds_the_pixels():
    pixels = bytes(range(48))
    assert decoded(Image(pixels, 4).to_png()) == (4, 3, pixels)
    assert Image(bytearray(pixels), 4, 3) == Image(memoryview(pixels), width=4)


@pytest.mark.parametrize(("size", "width", "height"), [(5, 1, 1), (8, 0, None), (8, 2, 2), (0, 1, None), (8, -2, -1)])
def test_bytes_that_do_not_fit_are_refused(size, width, height):
    with pytest.raises(ValueError, match="are no picture of"):
        Image(bytes(size), width, height)


def test_a_mesh_is_drawn(tmp_path):
    corners = struct.pack("<9f", -1, -1, 0, 1, -1, 0, -1, 1, 0)
    mesh = Mesh(corners, stride=12)
    picture = mesh.picture(20, 20, yaw=0, pitch=0)
    assert picture.pixels[4 * (20 * 17 + 2) + 3] == 255
    assert picture.pixels[4 * (20 * 2 + 17) + 3] == 0
    shared = Mesh(corners, 12, struct.pack("<6I", 0, 1, 2, 2, 1, 0))
    assert len(shared) == 2
    assert shared.picture(20, 20, yaw=0, pitch=0).pixels[3::4] == picture.pixels[3::4]
    picture.save(tmp_path / "mesh.png")
    assert decoded((tmp_path / "mesh.png").read_bytes()) == (20, 20, picture.pixels)


def test_strides_and_sizes_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="a stride of 8"):
        Mesh(b"", stride=8)
    with pytest.raises(ValueError, match="there must be some"):
        Mesh(b"").picture(0, 9)


def test_a_result_shows_what_its_outputs_are():
    net = Network()
    net.register_actor("tpl_gaussian_blur", template_actor("tpl_gaussian_blur"))
    net.add_node("blur", "tpl_gaussian_blur", {"width": 2, "height": 3})
    net.add_outport("image", "blur", "image")
    net.add_outport("metadata", "blur", "metadata")
    result = net.run({"blur.image": iter([Message.bytes(bytes([200, 0, 0, 255]) * 6)])})
    shown = result._repr_html_()
    assert "data:image/png;base64," in shown
    assert "Image of 2 × 3 pixels" in shown


def test_bytes_of_another_size_are_not_shown():
    net = Network()
    net.register_actor("tpl_gaussian_blur", template_actor("tpl_gaussian_blur"))
    net.add_node("blur", "tpl_gaussian_blur", {"width": 2, "height": 3})
    net.add_outport("image", "blur", "image")
    result = net.run({"blur.image": iter([Message.bytes(bytes(24))])})
    assert "data:image" not in result._repr_html_()


def test_meshes_are_known_by_what_is_said_of_them():
    square = struct.pack("<12f", -1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 1, 0)
    indices = struct.pack("<6I", 0, 1, 2, 0, 2, 3)
    plain = pictures.seen(square[:36], [{"stride": 12, "vertexCount": 3}])
    assert repr(plain) == "<Mesh of 1 triangle>"
    said = {"stride": 3, "vertexCount": 4, "vertexBytes": 48, "indexBytes": 24}
    assert repr(pictures.seen(square + indices, [said])) == "<Mesh of 2 triangles>"
    odd = [{"stride": 12, "vertexCount": 4}, {"stride": 7, "vertexCount": True}, {"width": -1, "height": "x"}, {}]
    assert pictures.seen(square + indices, odd) is None
    assert pictures.seen("text", [said]) is None


def test_an_array_that_is_no_picture_of_four_channels_is_refused():
    np = pytest.importorskip("numpy")
    rgba = np.zeros((2, 5, 4), np.uint8)
    assert Image(rgba, width=5) == Image(rgba.tobytes(), width=5)
    assert Image(rgba[::-1, ::-1], width=5) == Image(rgba, width=5)
    for pixels, width in ((np.zeros((4, 5, 3), np.uint8), 5), (rgba, 10), (np.zeros(40, np.float32), 5)):
        with pytest.raises(ValueError, match=r"an array of shape \(.*\) with \d bytes a number is no picture"):
            Image(pixels, width=width)
