import ptbert_hub

PUBLIC = [
    "CATALOG",
    "CONFIG_NAME",
    "PYTORCH_PRETRAINED_BERT_CACHE",
    "WEIGHTS_NAME",
    "AccessDenied",
    "BadSource",
    "CacheError",
    "CacheReadOnly",
    "CacheWriteError",
    "Checkpoint",
    "CorruptCache",
    "DigestMismatch",
    "DiskFull",
    "HubError",
    "IntegrityError",
    "NetworkError",
    "NotAModelFile",
    "NotFound",
    "OfflineMiss",
    "ProxyError",
    "RateLimited",
    "SizeMismatch",
    "SourcesExhausted",
    "TLSError",
    "Timeout",
    "UnsafeArchive",
    "Unverifiable",
    "__version__",
    "archive_map",
    "atomic_write",
    "cached_path",
    "closest_name",
    "default_cache",
    "extracted_archive",
    "filename_to_url",
    "get_file_extension",
    "get_from_cache",
    "http_get",
    "is_archive",
    "name_of_address",
    "read_set_from_file",
    "split_s3_path",
    "url_to_filename",
]


def test_the_public_names_are_these():
    assert ptbert_hub.__all__ == PUBLIC
    for name in PUBLIC:
        assert getattr(ptbert_hub, name) is not None
