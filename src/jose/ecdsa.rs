//! ECDSA signatures: from the ASN.1 that KMS returns (RFC 3279, section 2.2.3) to the two concatenated numbers of JOSE.

use spki::der::asn1::UintRef;
use spki::der::{Decode as _, Reader as _, SliceReader};

/// The signature `der` as `r` and `s` of `width` bytes each (RFC 7518, section 3.4); `None` for anything but the DER of
/// two positive numbers that fit.
pub(crate) fn jose_from_der(der: &[u8], width: usize) -> Option<Vec<u8>> {
    let mut reader = SliceReader::new(der).ok()?;
    let numbers =
        reader.sequence(|reader| Ok::<_, spki::der::Error>([UintRef::decode(reader)?, UintRef::decode(reader)?]));
    let numbers = numbers.ok()?;
    reader.finish().ok()?;
    let mut jose = Vec::with_capacity(2 * width);
    for number in numbers {
        let number = number.as_bytes();
        if number.iter().all(|byte| *byte == 0) {
            return None;
        }
        jose.resize(jose.len() + width.checked_sub(number.len())?, 0);
        jose.extend_from_slice(number);
    }
    Some(jose)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A number as DER writes it: without leading zeros, except for one before a set high bit.
    fn integer(number: &[u8]) -> Vec<u8> {
        let digits: Vec<u8> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
        let padding: &[u8] = if digits.first().is_none_or(|byte| *byte >= 0x80) { &[0] } else { &[] };
        tagged(0x02, &[padding, &digits].concat())
    }

    fn tagged(tag: u8, value: &[u8]) -> Vec<u8> {
        let length = u8::try_from(value.len()).expect("a short value");
        let head = if length < 0x80 { vec![tag, length] } else { vec![tag, 0x81, length] };
        [head, value.to_vec()].concat()
    }

    fn signature(r: &[u8], s: &[u8]) -> Vec<u8> {
        tagged(0x30, &[integer(r), integer(s)].concat())
    }

    #[test]
    fn numbers_are_concatenated_in_their_full_width() {
        for (width, r, s) in [
            (4, vec![1, 2, 3, 4], vec![5, 6, 7, 8]),
            (4, vec![0xFF; 4], vec![0x80, 0, 0, 0]),
            (4, vec![0, 0, 0, 1], vec![0, 0x80, 0, 0]),
            (32, [vec![0; 31], vec![1]].concat(), vec![0x7F; 32]),
            (48, vec![0xFF; 48], [vec![0, 0], vec![0xAA; 46]].concat()),
            (66, [vec![1], vec![0xFF; 65]].concat(), [vec![0], vec![0xFF; 65]].concat()),
        ] {
            assert_eq!(jose_from_der(&signature(&r, &s), width), Some([r, s].concat()), "{width}");
        }
    }

    #[test]
    fn what_is_not_der_of_two_positive_numbers_that_fit_is_refused() {
        let good = signature(&[1; 4], &[2; 4]);
        assert!(jose_from_der(&good, 4).is_some());
        let (r, s) = (integer(&[1; 4]), integer(&[2; 4]));
        for (bad, why) in [
            (Vec::new(), "nothing"),
            (b"garbage".to_vec(), "garbage"),
            (good[..good.len() - 1].to_vec(), "cut off"),
            ([good.clone(), vec![0]].concat(), "trailing data"),
            (tagged(0x31, &[r.clone(), s.clone()].concat()), "a set"),
            (tagged(0x30, &r), "one number"),
            (tagged(0x30, &[r.clone(), s.clone(), integer(&[3])].concat()), "three numbers"),
            (tagged(0x30, &[r.clone(), tagged(0x02, &[])].concat()), "an empty number"),
            (tagged(0x30, &[r.clone(), tagged(0x02, &[0x80, 1])].concat()), "a negative number"),
            (tagged(0x30, &[r.clone(), tagged(0x02, &[0, 1])].concat()), "a superfluous zero"),
            (tagged(0x30, &[r.clone(), tagged(0x04, &[1; 4])].concat()), "an octet string"),
            (signature(&[1; 4], &[0]), "zero"),
            (signature(&[1; 5], &[2; 4]), "a number too wide"),
            ([vec![0x30, 0x81, 12], r, s].concat(), "a length in its long form"),
        ] {
            assert_eq!(jose_from_der(&bad, 4), None, "{why}");
        }
    }

    proptest! {
        #[test]
        fn any_numbers_come_back(r in prop::collection::vec(any::<u8>(), 32), s in prop::collection::vec(any::<u8>(), 32)) {
            prop_assume!(r.iter().any(|byte| *byte != 0) && s.iter().any(|byte| *byte != 0));
            prop_assert_eq!(jose_from_der(&signature(&r, &s), 32), Some([r, s].concat()));
        }

        #[test]
        fn any_bytes_are_read_or_refused(der in prop::collection::vec(any::<u8>(), 0..160)) {
            if let Some(jose) = jose_from_der(&der, 66) {
                prop_assert_eq!(jose.len(), 132);
            }
        }
    }
}
