import pytest

from ptbert_hub import addresses, split_s3_path


def test_bucket_and_key_are_split():
    assert split_s3_path("s3://bucket/a/b.txt") == ("bucket", "a/b.txt")


@pytest.mark.parametrize("url", ["s3://bucket", "s3://bucket/", "s3:///key"])
def test_an_incomplete_s3_path_is_a_value_error(url):
    with pytest.raises(ValueError, match=r"bad s3 path .* write it as s3://bucket/key"):
        split_s3_path(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@h/x", "https://h/x"),
        ("https://u@h/x", "https://h/x"),
        ("https://u:p@ss@h/x", "https://h/x"),
        ("s3://id:p@bucket/key", "s3://bucket/key"),
        ("https://h/x?token=abc", "https://h/x?token=REDACTED"),
        ("https://h/x?X-Amz-Credential=a&n=1", "https://h/x?X-Amz-Credential=REDACTED&n=1"),
        ("https://h/x?n=1&X-Amz-Security-Token=a", "https://h/x?n=1&X-Amz-Security-Token=REDACTED"),
        ("https://h/x?accessToken=a", "https://h/x?accessToken=REDACTED"),
        ("https://h/x?access_token=a", "https://h/x?access_token=REDACTED"),
        ("https://h/x?AWSAccessKeyId=a", "https://h/x?AWSAccessKeyId=REDACTED"),
        ("https://h/x?APIKEY=a", "https://h/x?APIKEY=REDACTED"),
        ("https://h/x?sig=a%2Fb%3D", "https://h/x?sig=REDACTED"),
        ("https://h/x?a=1&sig=a=b==", "https://h/x?a=1&sig=REDACTED"),
        ("https://h/x?to%6ben=abc", "https://h/x?to%6ben=REDACTED"),
        ("https://h/x?a=1;password=b", "https://h/x?a=1;password=REDACTED"),
        ("https://h/x;jsessionid=ab?n=1", "https://h/x;jsessionid=REDACTED?n=1"),
        ("https://h/x#access_token=a&n=1", "https://h/x#access_token=REDACTED&n=1"),
        ("https://h/x?jwt=a", "https://h/x?jwt=REDACTED"),
        ("https://h/\x1b[2J\nx\udcff", "https://h/?[2J?x?"),
        ("https://h/x?code=a&n=1", "https://h/x?code=REDACTED&n=1"),
        ("https://h/x?pwd=a", "https://h/x?pwd=REDACTED"),
        ("https://h/x?pass=a", "https://h/x?pass=REDACTED"),
        ("https://h/x?user_pass=a", "https://h/x?user_pass=REDACTED"),
        ("https://h/x?access=a", "https://h/x?access=REDACTED"),
        ("https://h/x?idtoken=a&sastoken=b", "https://h/x?idtoken=REDACTED&sastoken=REDACTED"),
        ("https://h/x?token[]=a", "https://h/x?token[]=REDACTED"),
        ("https://h/x;token=a;n=1/y", "https://h/x;token=REDACTED;n=1/y"),
        ("https://h/token=a/y", "https://h/token=REDACTED/y"),
        ("https://h/x?next=https://u:p@g/y", "https://h/x?next=https://g/y"),
    ],
)
def test_secrets_are_taken_out_of_addresses(url, shown):
    assert addresses.redacted(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "https://h:8443/x#y",
        "https://h/x?tokenizer=bert",
        "https://h/x?design=1&author=2&keyboard=3&monkey=4&secretary=5&insignia=6",
        "https://h/token/key?n=1",
        "https://h/x@y?mail=me@example.org",
        "https://h/x?encode=1&passage=2&accessible=3&compass=4&tokens=5&barcode=6",
        "https://h/x?path=a/b&q=a%20b+c&flag&empty=",
        "https://h/x?",
        "HTTPS://Host/X?b=2&a=1",
        "s3://bucket/a&key=1",
    ],
)
def test_every_other_address_stays_as_it_is(url):
    assert addresses.redacted(url) == url
