"""Who asks: credentials and settings of object stores, from where each vendor's own programs have them.

The library finds most of it by itself. Here is what it does not: AWS profiles and single sign-on (botocore, where it is
installed), Google credentials of other kinds than key files and `gcloud auth` (google-auth, where it is installed),
Azure's variables of the command line. And whether a machine of the cloud has a role, which is asked once, with a
second's patience: where nothing is found requests are anonymous, as public buckets allow, not silent for minutes.
"""

from ccnet_pipeline.storage.credentials import amazon, google, microsoft
from ccnet_pipeline.storage.credentials.found import Found
from ccnet_pipeline.storage.paths import scheme_of

# How a user says who asks, by vendor.
HOW_TO_SIGN = {
    "amazon": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "google": "`gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS",
    "microsoft": "`az login`, or set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
}
_VENDORS = {
    "s3": "amazon",
    "s3a": "amazon",
    "gs": "google",
    "az": "microsoft",
    "abfs": "microsoft",
    "abfss": "microsoft",
}


def vendor_of(path: str) -> str:
    """Return amazon, google or microsoft: whose protocol the store of a path speaks; "" for none of them."""
    return _VENDORS.get(scheme_of(path), "")


def found_for(path: str) -> Found:
    """Return what a client for a path is made with.

    Raises:
        UserError: something is set that cannot be used, or something that is needed is not set.
    """
    vendor = vendor_of(path)
    if vendor == "amazon":
        return amazon.find()
    if vendor == "google":
        return google.find()
    if vendor == "microsoft":
        return microsoft.find(path.partition("://")[2].partition("/")[0].partition("@")[2])
    return Found(endpoint=path)


def forget() -> None:
    """Look again the next time."""
    for each in (amazon.find, google.find, microsoft.find):
        each.cache_clear()
