//! EcRRegisterPushNotification: what is refused, and by which code. [MS-OXCRPC] 3.1.4.5

use oxwire::mapi::property::ErrorCode;
use oxwire::mapirpc::emsmdb::{EcRRegisterPushNotificationRequest, EcRRegisterPushNotificationResponse};

use super::{ADA, World, read};

#[test]
fn each_refusal_by_its_code() {
    /// A sockaddr of that family and length: sa_family is little-endian.
    fn sockaddr(family: u8, len: usize) -> Vec<u8> {
        let mut address = vec![0; len];
        address[0] = family;
        address
    }
    const INET: u8 = 2;
    const INET6: u8 = 23;
    let mut world = World::new(&[ADA]);
    let session = world.connect(0);
    for (rows, context, address, code) in [
        ("MS-OXCRPC_R438 MS-OXCRPC_R459", 17, sockaddr(INET, 16), ErrorCode::TOO_BIG),
        ("MS-OXCRPC_R438 MS-OXCRPC_R459", 4000, sockaddr(INET, 16), ErrorCode::TOO_BIG),
        ("MS-OXCRPC_R446 MS-OXCRPC_R455", 16, sockaddr(0, 16), ErrorCode::INVALID_PARAMETER),
        ("MS-OXCRPC_R446 MS-OXCRPC_R455", 16, sockaddr(17, 28), ErrorCode::INVALID_PARAMETER),
        ("MS-OXCRPC_R450 MS-OXCRPC_R449", 16, sockaddr(INET, 15), ErrorCode::INVALID_PARAMETER),
        ("MS-OXCRPC_R450 MS-OXCRPC_R449", 16, sockaddr(INET, 28), ErrorCode::INVALID_PARAMETER),
        ("MS-OXCRPC_R450 MS-OXCRPC_R449", 16, sockaddr(INET6, 16), ErrorCode::INVALID_PARAMETER),
        ("MS-OXCRPC_R450 MS-OXCRPC_R449", 16, vec![INET], ErrorCode::INVALID_PARAMETER),
        ("MS-OXCRPC_R450 MS-OXCRPC_R442", 16, vec![], ErrorCode::INVALID_PARAMETER),
        // A family that is known; but this server sends no datagrams.
        ("MS-OXCRPC_R447 MS-OXCRPC_R457", 16, sockaddr(INET, 16), ErrorCode::NOT_SUPPORTED),
        ("MS-OXCRPC_R447 MS-OXCRPC_R457", 0, sockaddr(INET6, 28), ErrorCode::NOT_SUPPORTED),
    ] {
        let request = EcRRegisterPushNotificationRequest {
            session,
            rpc: 0,
            context: &vec![7; context],
            advise_bits: 0xFFFF_FFFF,
            callback_address: &address,
        };
        let stub = world.ask(0, &request).unwrap();
        let expected = EcRRegisterPushNotificationResponse { session, notification: 0, error_code: code.0 };
        assert_eq!(read::<EcRRegisterPushNotificationResponse>(&stub), expected, "{rows}");
    }
}
