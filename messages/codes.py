"""Why a message could not be done: the closed list that senders may rely on."""

from enum import StrEnum


class ErrorCode(StrEnum):
    """One reason each; a new one is a change of the protocol."""

    INVALID_JSON = "invalid_json"
    INVALID_ENVELOPE = "invalid_envelope"
    UNSUPPORTED_VERSION = "unsupported_version"
    UNKNOWN_MESSAGE_TYPE = "unknown_message_type"
    UNKNOWN_TASK_TYPE = "unknown_task_type"
    INVALID_PAYLOAD = "invalid_payload"
    ADDRESS_MISMATCH = "address_mismatch"
    REPLY_TO_NOT_ALLOWED = "reply_to_not_allowed"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    MESSAGE_TOO_LARGE = "message_too_large"
    EXPIRED = "expired"
    #: The processor said no.
    REJECTED = "rejected"
    #: Attempts are spent.
    PROCESSING_FAILED = "processing_failed"
    TIMEOUT = "timeout"
    CRASH_LOOP = "crash_loop"
    #: The broker dead-lettered it by itself.
    BROKER_REJECTED = "broker_rejected"
