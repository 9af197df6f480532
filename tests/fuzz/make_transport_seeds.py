#!/usr/bin/env python3
"""Where transport_fuzzer starts: make_transport_seeds.py FOLDER writes one text a file: heads, chunked
bodies and forms, right ones and such as two readers understand differently."""
import sys
from pathlib import Path

HEADS = {
    "get": b"GET /predict?s_length=5.1&s_width=3.5 HTTP/1.1\r\nHost: localhost:5000\r\n\r\n",
    "absolute": b"GET http://h:1/a%20b?c=%zz+d HTTP/1.1\r\nHost: h\r\nConnection: x, close\r\n\r\n",
    "options": b"OPTIONS * HTTP/1.0\r\n\r\n",
    "length": b"POST /predict HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 17\r\n"
              b"Expect: 100-continue\r\n\r\n[5.1,3.5,1.4,0.2]",
    "chunked": b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
    "two_lengths": b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\nContent-Length: 1\r\n\r\n",
    "two_framings": b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 1\r\n\r\n",
    "folded": b"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n",
    "odd": b"GET /\xc3\xa4%c3%a4 HTTP/1.1\r\nHost:h \r\nX-Y:\t\xff\x7f\r\nX : a\nb: c\r\n\r\n",
}
CHUNKS = {
    "body": b"5\r\nhello\r\nA;name=\"x\"\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\nGET /",
    "empty": b"0\r\n\r\n",
    "odd": b"0005 ; a = b\r\nhello\r\n00\r\nno trailer\r\n\r\n",
    "large": b"fffffffffffffff\r\n" + b"x" * 100,
}
FORMS = {
    "file": b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.csv\"\r\n"
            b"Content-Type: text/csv\r\n\r\n5.1,3.5,1.4,0.2\r\n--b--\r\n",
    "other": b"x\r\n--b\r\ncontent-disposition: form-data; name=g\r\n\r\n\r\n--b \r\n"
             b"Content-Disposition: form-data; filename*=utf-8''a; name=\"f\\\"\"\r\n\r\n--b--",
}


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for kind, texts in (("head", HEADS), ("chunks", CHUNKS), ("form", FORMS)):
        for name, text in texts.items():
            (folder / f"{kind}_{name}").write_bytes(text)


if __name__ == "__main__":
    main()
