//! The bodies of the mailbox endpoint against `vectors/ms-oxcmapihttp`.

use oxwire::core::Utf16;
use oxwire::mapi::mapihttp::{
    ConnectFlags, ConnectRequest, ConnectResponse, ConnectSuccess, DisconnectRequest, DisconnectResponse,
    DisconnectSuccess, EventPending, ExecuteFlags, ExecuteRequest, ExecuteResponse, ExecuteSuccess, Failure,
    NotificationWaitRequest, NotificationWaitResponse, NotificationWaitSuccess,
};
use oxwire_tests::vector;

vector!(
    connect_request,
    ConnectRequest<'_>,
    "ms-oxcmapihttp/connect_request.hex",
    ConnectRequest {
        user_dn: b"/o=First Organization/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=user1",
        flags: ConnectFlags::NONE,
        default_code_page: 1252,
        lcid_sort: 0x0409,
        lcid_string: 0x0407,
        auxiliary_buffer:
            b"\0\0\x04\0\x18\0\x18\0\x18\0\x01\x18\x01\0\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0B\x0C\r\x0E\x0F",
    }
);

vector!(
    connect_success,
    ConnectResponse<'_>,
    "ms-oxcmapihttp/connect_success.hex",
    ConnectResponse::Success(ConnectSuccess {
        error_code: 0,
        polls_max: 60_000,
        retry_count: 6,
        retry_delay: 10_000,
        dn_prefix: b"/o=First Organization/",
        display_name: Utf16::new(b"Z\0o\0\xEB\0").unwrap(),
        auxiliary_buffer: b"\0\0\x04\0\x1C\0\x1C\0\x08\0\x01\x17\x01\0\0\0\x0C\0\x01\x0A\x14\0\0\0\0\xDA\x9A\x03\x08\0\x01\x46\x03\0\0\0",
    })
);

const FAILURE: Failure<'_> =
    Failure { status_code: 0x8004_0115, auxiliary_buffer: b"\0\0\x04\0\x08\0\x08\0\x08\0\x01\x17\x01\0\0\0" };

vector!(connect_failure, ConnectResponse<'_>, "ms-oxcmapihttp/failure.hex", ConnectResponse::Failure(FAILURE));

vector!(
    execute_request,
    ExecuteRequest<'_>,
    "ms-oxcmapihttp/execute_request.hex",
    ExecuteRequest {
        flags: ExecuteFlags::NO_COMPRESSION | ExecuteFlags::NO_XOR_MAGIC,
        rop_buffer: b"\0\0\x04\0\x09\0\x09\0\x05\0\x01\0\0\xFF\xFF\xFF\xFF",
        max_rop_out: 32_775,
        auxiliary_buffer: b"",
    }
);

vector!(
    execute_success,
    ExecuteResponse<'_>,
    "ms-oxcmapihttp/execute_success.hex",
    ExecuteResponse::Success(ExecuteSuccess {
        error_code: 0,
        rop_buffer: b"\0\0\x06\0\x06\0\x06\0\xA7\xA5\xA0\xA5\xA5\xA5",
        auxiliary_buffer: b"",
    })
);

vector!(execute_failure, ExecuteResponse<'_>, "ms-oxcmapihttp/failure.hex", ExecuteResponse::Failure(FAILURE));

vector!(
    disconnect_request,
    DisconnectRequest<'_>,
    "ms-oxcmapihttp/disconnect_request_aux.hex",
    DisconnectRequest { auxiliary_buffer: b"\0\0\x04\0\x08\0\x08\0\x08\0\x01\x17\x01\0\0\0" }
);

vector!(
    disconnect_success,
    DisconnectResponse<'_>,
    "ms-oxcmapihttp/disconnect_success.hex",
    DisconnectResponse::Success(DisconnectSuccess { error_code: 0, auxiliary_buffer: b"" })
);

vector!(disconnect_failure, DisconnectResponse<'_>, "ms-oxcmapihttp/failure.hex", DisconnectResponse::Failure(FAILURE));

vector!(
    notification_wait_request,
    NotificationWaitRequest<'_>,
    "ms-oxcmapihttp/notification_wait_request.hex",
    NotificationWaitRequest { auxiliary_buffer: b"" }
);

vector!(
    notification_wait_success,
    NotificationWaitResponse<'_>,
    "ms-oxcmapihttp/notification_wait_success.hex",
    NotificationWaitResponse::Success(NotificationWaitSuccess {
        error_code: 0,
        event_pending: EventPending::PENDING,
        auxiliary_buffer: b"",
    })
);

vector!(
    notification_wait_failure,
    NotificationWaitResponse<'_>,
    "ms-oxcmapihttp/failure.hex",
    NotificationWaitResponse::Failure(FAILURE)
);
