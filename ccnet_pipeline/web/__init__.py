"""A page of the web, as a WARC `response` record holds it, becomes a `Page`, or is dropped for a counted reason.

    http.py       the block of a record -> status, fields, body (RFC 9112); chunks are joined
    codings.py    content and transfer codings undone (gzip, deflate, br, zstd), bounded
    payload.py    a response -> its body, by these two
    media_type.py is it HTML? what the sender says, and what the bytes say (WHATWG MIME Sniffing)
    charset.py    bytes -> text: byte order mark, HTTP, <meta>, detection
    encodings.py  the encodings themselves (WHATWG Encoding), and which of them bytes look like
    opt_out.py    the sender's "do not index", "no AI", "rights reserved"
    xhtml.py      XHTML -> HTML with the same text
    html.py       text -> tree, title, <meta>; what a tree may cost
    lone_characters.py
                  what the extractor would drop for its length, and what stands in for it
    main_text.py  tree -> lines of main text: `cascade`, `resiliparse` or `trafilatura`
    fallback.py   what to do where there is suspiciously little
    ends.py       lines without the frame before and behind the text
    layout.py     tables for layout become blocks, for trafilatura
    lines.py      what an extractor gives -> lines
    reader.py     all of these in order: WebReader

Reasons why a record gives no page:

    not_http              no HTTP exchange (dns:, ftp:)
    bad_http              no status line, or header fields that do not end
    http_status           a status other than 200
    opt_out_robots_header, opt_out_robots_meta, opt_out_tdm, opt_out_content_usage
                          the sender does not want it used (opt_out.py)
    not_html              another type, by name or by its bytes
    bad_content_coding    an unknown or broken coding, and the bytes are no text as they are
    too_large             longer than max_record_bytes once decoded
    too_complex           costs a parser of HTML more than it may (html.py)
    extractor_failed      the extractor of main text raised an error

A page may carry the reasons `empty` and `too_short`, as one of a WET file (ccnet_pipeline.pages.wet). Defects, with
which reading goes on: `bad_chunking` (what was decoded before the damage is used), `bad_content_coding` (the same; or
the coding is unknown and the body is text as it is).
"""

from ccnet_pipeline.web.reader import WebReader, WebResult

__all__ = ["WebReader", "WebResult"]
