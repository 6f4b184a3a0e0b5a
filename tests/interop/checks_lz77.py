"""dissect.util's decoder of [MS-XCA] Plain LZ77 reads what our DIRECT2 compressor writes, and reads streams put together by hand as
ours does. The two encodings are the same but for the 32-bit lengths of [MS-XCA], which DIRECT2 does not have."""

import os
import random
import struct
import subprocess

from dissect.util.compression import lzxpress

from world import check


def ours(data, *verb):
    done = subprocess.run([os.environ["OXWIRE_LZ77"], *verb], input=data, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def samples():
    generator = random.Random(1)
    yield "abc a hundred times", b"abc" * 100
    words = [generator.randbytes(generator.randrange(2, 9)) for _ in range(200)]
    yield "words", b"".join(generator.choice(words) for _ in range(6000))[:32768]
    rows = b"".join(
        struct.pack("<BQQ", 0, n, 133_500_000_000_000_000 + n * 7_200_123) + f"Re: figures {n % 7}\0".encode("utf-16-le")
        for n in range(600)
    )
    yield "rows", rows[:32768]
    # Runs of every length around the limits of each form of a length, among random bytes.
    lengths = [*range(3, 40), *range(270, 290), 4000, 30000, 65000]
    for length in lengths:
        yield f"a run of {length}", generator.randbytes(40) + b"z" * length + generator.randbytes(3)
    for distance in (1, 2, 7, 8, 9, 15, 16, 17, 8191, 8192, 8193):
        piece = generator.randbytes(min(distance, 60))
        yield f"{distance} back", (piece + generator.randbytes(distance - len(piece)) + piece * 3 + b"y" * 60)[:65534]


@check
def lz77_dissect_reads_what_we_compress(world):
    packed = 0
    for name, sample in samples():
        stream = ours(sample, "pack")
        if not stream:
            continue
        packed += 1
        assert len(stream) < len(sample), name
        assert bytes(lzxpress.decompress(stream)) == sample, f"{name}: {len(stream)} bytes decompress to something else"
        assert ours(stream, "unpack", str(len(sample))) == sample, name
    assert packed >= 50, f"only {packed} samples were compressed"


@check
def lz77_streams_by_hand_are_read_alike(world):
    mask = lambda bits: struct.pack("<I", bits)
    for stream, plain in [
        # [MS-XCA] 3.1
        (bytes.fromhex("3f000000") + b"abcdefghijklmnopqrstuvwxyz", b"abcdefghijklmnopqrstuvwxyz"),
        (bytes.fromhex("ffffff1f61626317000fff2601"), b"abc" * 100),
        # A match among literals; ones behind the last bit, as [MS-XCA] has them.
        (mask(0x11FFFFFF) + b"ABC\x10\0DEF", b"ABCABCDEF"),
        # Half a byte shared by two long matches, and a third that takes another.
        (mask(0b0101_0111 << 24 | 0xFFFFFF) + b"a\x07\0\x32b\x07\0c\x07\0\x04", b"a" * 13 + b"b" * 14 + b"c" * 15),
        # A length in a byte, and in 16 bits.
        (mask(0x7FFFFFFF) + b"a\x07\0\x0f\xfe", b"a" * 280),
        (mask(0x7FFFFFFF) + b"a\x07\0\x0f\xff\xfa\xff", b"a" * 65534),
    ]:
        theirs = bytes(lzxpress.decompress(stream))
        assert theirs == plain, f"dissect reads {stream.hex()} as {len(theirs)} bytes"
        assert ours(stream, "unpack", str(len(plain))) == plain, stream.hex()
