//! oxwire-rpch: RTS PDUs.

use oxwire::core::{Decode, Encode, Limits, decode_all, encode_to_bytes};
use oxwire::rpch::rts::{Command, RtsPdu, Signature, conn, in_r1, in_r2, other, out_r1, out_r2};

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[("rts_pdu", rts_pdu)];

/// What is read as a PDU of one name encodes to as many bytes as were read, and reads again as the same.
fn typed<T>(data: &[u8]) -> bool
where
    T: for<'de> Decode<'de> + Encode + PartialEq + std::fmt::Debug,
{
    let Ok(pdu) = decode_all::<T>(data, &Limits::DEFAULT) else { return false };
    let bytes = encode_to_bytes(&pdu).expect("what was read fits");
    assert_eq!((bytes.len(), pdu.encoded_len()), (data.len(), data.len()));
    assert_eq!(decode_all::<T>(&bytes, &Limits::DEFAULT).as_ref(), Ok(&pdu));
    true
}

/// A PDU has as many commands as it says, they are all its bytes, and some typed PDU reads it when its signature has a name, but
/// for a Destination that its section fixes otherwise.
pub fn rts_pdu(data: &[u8]) {
    let pdu = decode_all::<RtsPdu<'_>>(data, &Limits::DEFAULT);
    let readers: &[fn(&[u8]) -> bool] = &[
        typed::<conn::ConnA1>,
        typed::<conn::ConnA2>,
        typed::<conn::ConnA3>,
        typed::<conn::ConnB1>,
        typed::<conn::ConnB2>,
        typed::<conn::ConnB3>,
        typed::<conn::ConnC1>,
        typed::<in_r1::InR1A1>,
        typed::<in_r1::InR1A2>,
        typed::<in_r1::InR1A3>,
        typed::<in_r1::InR1A5>,
        typed::<in_r1::InR1B1>,
        typed::<in_r1::InR1B2>,
        typed::<in_r2::InR2A3>,
        typed::<out_r1::OutR1A1>,
        typed::<out_r1::OutR1A3>,
        typed::<out_r1::OutR1A4>,
        typed::<out_r1::OutR1A5>,
        typed::<out_r1::OutR1A7>,
        typed::<out_r1::OutR1A9>,
        typed::<out_r2::OutR2A5>,
        typed::<out_r2::OutR2A7>,
        typed::<out_r2::OutR2B2>,
        typed::<out_r2::OutR2B3>,
        typed::<out_r2::OutR2C1>,
        typed::<other::KeepAlive>,
        typed::<other::PingTrafficSentNotifyPdu>,
        typed::<other::Echo>,
        typed::<other::Ping>,
        typed::<other::FlowControlAckPdu>,
        typed::<other::FlowControlAckWithDestination>,
    ];
    let read = readers.iter().filter(|reader| reader(data)).count();
    let Ok(pdu) = pdu else {
        assert_eq!(read, 0, "a typed PDU reads what is no RTS PDU");
        return;
    };
    assert_eq!(pdu.commands().count(), usize::from(pdu.header().number_of_commands));
    let len: usize = pdu.commands().map(|command| command.encoded_len()).sum();
    assert_eq!(len + 20, data.len());
    match Signature::of(&pdu) {
        None => assert_eq!(read, 0),
        Some(_) if pdu.commands().any(|command| matches!(command, Command::Destination(_))) => assert!(read <= 1),
        Some(_) => assert_eq!(read, 1),
    }
}
