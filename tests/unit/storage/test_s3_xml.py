"""Reading what S3 servers say, and what they must not be able to do to us."""

import pytest

from photo_api.storage import s3_xml
from photo_api.storage.s3_xml import Listed, MalformedAnswer, Unfinished

PAGE = b"""<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>true</IsTruncated>
<Contents><Key>uploads/a&amp;b</Key><LastModified>2026-11-23T02:15:00.000Z</LastModified><ETag>"00ff"</ETag>
<Size>12</Size></Contents>
<Contents><Key>uploads/c</Key><LastModified>2026-11-23T02:15:01Z</LastModified><Size>0</Size></Contents>
<NextContinuationToken>a+/=</NextContinuationToken></ListBucketResult>"""


def test_a_page_is_read_with_and_without_its_namespace() -> None:
    for document in (PAGE, PAGE.replace(b' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"', b"")):
        root = s3_xml.parse(document)
        assert s3_xml.text(root, "NextContinuationToken") == "a+/="
        assert list(s3_xml.objects_of(root)) == [
            Listed("uploads/a&b", 12, 1_795_400_100.0),
            Listed("uploads/c", 0, 1_795_400_101.0),
        ]


def test_unfinished_uploads_are_read() -> None:
    root = s3_xml.parse(
        b"<ListMultipartUploadsResult><Upload><Key>uploads/a</Key><UploadId>x-1</UploadId>"
        b"<Initiated>2026-11-23T02:15:00.000Z</Initiated></Upload></ListMultipartUploadsResult>"
    )
    assert list(s3_xml.uploads_of(root)) == [Unfinished("uploads/a", "x-1", 1_795_400_100.0)]


def test_spaces_before_an_answer_are_no_error() -> None:
    assert s3_xml.parse(b"  \n<?xml version='1.0'?><Error><Code>InternalError</Code></Error>").tag == "Error"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"   ",
        b"<html><body>",
        b'{"error": 1}',
        b"<a></b>",
        b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        b"<a>&undefined;</a>",
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_answer_of_s3_is_refused(document: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        s3_xml.parse(document)


@pytest.mark.parametrize(
    ("found", "instead"),
    [
        (b"<Size>12</Size>", b"<Size>-1</Size>"),
        (b"<Size>12</Size>", b"<Size>1e9</Size>"),
        (b"<Size>12</Size>", b""),
        (b"<Key>uploads/a&amp;b</Key>", b""),
        (b"2026-11-23T02:15:00.000Z", b"yesterday"),
    ],
)
def test_a_listing_with_nonsense_in_it_is_refused(found: bytes, instead: bytes) -> None:
    root = s3_xml.parse(PAGE.replace(found, instead, 1))
    with pytest.raises(MalformedAnswer):
        list(s3_xml.objects_of(root))


@pytest.mark.parametrize("value", ["", '""', '"><x/>', "a b", "é", "x" * 129])
def test_an_etag_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(MalformedAnswer):
        s3_xml.etag(value)


def test_parts_are_completed_in_their_order() -> None:
    root = s3_xml.parse(s3_xml.completion(["aa", "bb-2"]))
    assert [(part.findtext("PartNumber"), part.findtext("ETag")) for part in root.iterfind("Part")] == [
        ("1", '"aa"'),
        ("2", '"bb-2"'),
    ]
