use super::*;
use core::net::SocketAddr;
use proptest::prelude::*;
use std::time::Duration;

const V4: (&str, &str) = ("10.0.0.7:4000", "10.0.0.9:5000");
const V6: (&str, &str) = ("[2001:db8::7]:4000", "[2001:db8::9]:5000");

/// Two bytes that make the whole sum come out as zero.
const ZERO_SUM_PAYLOAD: [u8; 2] = [0xc8, 0xa2];

fn addresses((src, dst): (&str, &str)) -> (SocketAddr, SocketAddr) {
    (src.parse().unwrap(), dst.parse().unwrap())
}

/// A capture of one datagram.
fn capture(precision: Precision, pair: (&str, &str), payload: &[u8]) -> Vec<u8> {
    let mut writer = PcapWriter::new(precision);
    let mut file = writer.header().to_vec();
    let (src, dst) = addresses(pair);
    writer
        .datagram(Duration::new(7, 1_234_567), src, dst, payload, &mut file)
        .unwrap();
    file
}

/// A capture of bare packets, in either byte order.
fn raw_capture(link: u32, big: bool, packets: &[&[u8]]) -> Vec<u8> {
    let word = |n: u32| {
        if big {
            n.to_be_bytes()
        } else {
            n.to_le_bytes()
        }
    };
    let half = |n: u16| {
        if big {
            n.to_be_bytes()
        } else {
            n.to_le_bytes()
        }
    };
    let mut file = word(0xa1b2_c3d4).to_vec();
    file.extend([half(2), half(4)].concat());
    file.extend([word(0), word(0), word(SNAP_LEN), word(link)].concat());
    for packet in packets {
        let len = packet.len() as u32;
        file.extend([word(7), word(8), word(len), word(len)].concat());
        file.extend(*packet);
    }
    file
}

/// The IP packet that our writer makes of a datagram.
fn ip_packet(pair: (&str, &str), payload: &[u8]) -> Vec<u8> {
    capture(Precision::Microseconds, pair, payload)[40..].to_vec()
}

fn only(file: &[u8]) -> Datagram<'_> {
    let mut reader = PcapReader::new(file).unwrap();
    let datagram = reader.next().expect("there is one").unwrap();
    assert_eq!((reader.next(), reader.skipped()), (None, 0));
    datagram
}

fn skip_of(link: u32, packet: &[u8]) -> Option<Skip> {
    let file = raw_capture(link, false, &[packet]);
    let mut reader = PcapReader::new(&file).unwrap();
    assert_eq!(reader.next(), None);
    assert_eq!(reader.skipped(), 1);
    reader.last_skip()
}

// RFC 1071 §3: the example of the standard.
#[test]
fn the_checksum_is_that_of_the_standards_example() {
    let words = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    assert_eq!(Checksum::default().add(&words).finish(), !0xddf2);
    assert_eq!(Checksum::default().add(&words[..7]).finish(), !0xdcfb);
}

#[test]
fn every_byte_of_an_ipv4_capture_is_the_one_computed_by_hand() {
    #[rustfmt::skip]
    let expected = [
        // File: magic, 2.4, zone, accuracy, snap length, RAW.
        0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0,
        // Record: 7 s, 1,234,567 ns, 33 bytes of 33.
        7, 0, 0, 0, 0x87, 0xd6, 0x12, 0, 33, 0, 0, 0, 33, 0, 0, 0,
        // IPv4: 33 bytes, identification 1, don't fragment, TTL 64, UDP.
        0x45, 0, 0, 33, 0, 1, 0x40, 0, 64, 17, 0x26, 0xbc, 10, 0, 0, 7, 10, 0, 0, 9,
        // UDP: 4000 to 5000, 13 bytes.
        0x0f, 0xa0, 0x13, 0x88, 0, 13, 0x84, 0xca, b'h', b'e', b'l', b'l', b'o',
    ];
    assert_eq!(capture(Precision::Nanoseconds, V4, b"hello"), expected);
}

#[test]
fn every_byte_of_an_ipv6_packet_is_the_one_computed_by_hand() {
    let file = capture(Precision::Microseconds, V6, b"hello");
    assert_eq!(file[..4], [0xd4, 0xc3, 0xb2, 0xa1]);
    assert_eq!(file[28..32], 1_234u32.to_le_bytes());
    #[rustfmt::skip]
    let expected = [
        0x60, 0, 0, 0, 0, 13, 17, 64,
        0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7,
        0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9,
        0x0f, 0xa0, 0x13, 0x88, 0, 13, 0x3d, 0x58, b'h', b'e', b'l', b'l', b'o',
    ];
    assert_eq!(file[40..], expected);
}

// RFC 768: zero would mean that there is none.
#[test]
fn a_checksum_of_zero_is_written_as_all_ones() {
    let packet = ip_packet(V4, &ZERO_SUM_PAYLOAD);
    assert_eq!(packet[26..28], [0xff, 0xff]);
}

#[test]
fn what_cannot_be_a_packet_is_refused_and_writes_nothing() {
    let mut writer = PcapWriter::new(Precision::Nanoseconds);
    let ((v4, _), (v6, _)) = (addresses(V4), addresses(V6));
    let mut out = vec![];
    let error = writer.datagram(Duration::ZERO, v4, v6, b"", &mut out);
    assert_eq!(
        error,
        Err(PcapWriteError::MixedFamilies { src: v4, dst: v6 })
    );
    for (address, max) in [(v4, 65_507), (v6, 65_527)] {
        let payload = vec![0; max + 1];
        let error = writer.datagram(Duration::ZERO, address, address, &payload, &mut out);
        assert_eq!(error, Err(PcapWriteError::TooLong { len: max + 1, max }));
        assert!(out.is_empty());
        writer
            .datagram(Duration::ZERO, address, address, &payload[1..], &mut out)
            .unwrap();
        let file = [&writer.header()[..], &out].concat();
        assert_eq!(only(&file).payload.len(), max);
        out.clear();
    }
}

#[test]
fn both_byte_orders_and_every_link_type_are_read() {
    let ethernet: Vec<u8> = [&[0xee; 12][..], &[0x08, 0x00]].concat();
    let vlan: Vec<u8> = [&[0xee; 12][..], &[0x81, 0, 0, 5, 0x08, 0]].concat();
    let qinq: Vec<u8> = [&[0xee; 12][..], &[0x88, 0xa8, 0, 1, 0x81, 0, 0, 5, 8, 0]].concat();
    let sll: Vec<u8> = [&[0xee; 14][..], &[0x08, 0x00]].concat();
    let sll2: Vec<u8> = [&[0x08, 0x00][..], &[0xee; 18]].concat();
    let cases = [
        (0, &[2, 0, 0, 0][..]),
        (108, &[0, 0, 0, 2]),
        (1, &ethernet),
        (1, &vlan),
        (1, &qinq),
        (101, &[]),
        (228, &[]),
        (113, &sll),
        (276, &sll2),
        (0x0400_0001, &ethernet), // with a note on frame check sequences
    ];
    for (link, header) in cases {
        // Ethernet pads to 60 bytes: what is behind IP does not count.
        let packet = [header, &ip_packet(V4, b"hello"), &[0; 9]].concat();
        for big in [false, true] {
            let file = raw_capture(link, big, &[&packet]);
            let (src, dst) = addresses(V4);
            let time = Duration::new(7, 8_000);
            assert_eq!(
                only(&file),
                Datagram {
                    time,
                    src,
                    dst,
                    payload: b"hello"
                },
                "{link}"
            );
        }
    }
}

#[test]
fn ipv6_extension_headers_are_walked_but_not_for_ever() {
    let mut packet = ip_packet(V6, b"hello");
    let udp = packet.split_off(40);
    let with = |count: usize| {
        let mut packet = packet.clone();
        packet[5] += 8 * count as u8;
        packet[6] = 60;
        for n in 1..=count {
            packet.extend([if n == count { 17 } else { 60 }, 0, 1, 4, 0, 0, 0, 0]);
        }
        packet.extend(&udp);
        packet
    };
    for count in 1..=7 {
        assert_eq!(
            only(&raw_capture(229, false, &[&with(count)])).payload,
            b"hello"
        );
    }
    assert_eq!(skip_of(229, &with(8)), Some(Skip::Malformed));
}

#[test]
fn packets_that_are_not_whole_udp_are_counted_with_their_reason() {
    let v4 = ip_packet(V4, b"hello");
    let change = |at: usize, to: u8| {
        let mut packet = v4.clone();
        packet[at] = to;
        packet
    };
    assert_eq!(skip_of(101, &change(9, 6)), Some(Skip::NotUdp));
    assert_eq!(skip_of(101, &change(6, 0x20)), Some(Skip::Fragment));
    assert_eq!(skip_of(101, &change(7, 1)), Some(Skip::Fragment));
    assert_eq!(skip_of(101, &change(0, 0x44)), Some(Skip::Malformed));
    assert_eq!(skip_of(101, &change(0, 0x15)), Some(Skip::NotIp));
    assert_eq!(skip_of(101, &change(25, 14)), Some(Skip::Malformed)); // UDP past IP
    assert_eq!(skip_of(101, &change(25, 7)), Some(Skip::Malformed)); // shorter than itself
    assert_eq!(skip_of(101, &change(3, 200)), Some(Skip::Truncated));
    assert_eq!(skip_of(101, &[]), Some(Skip::Truncated));
    assert_eq!(
        skip_of(1, &[[0; 12].as_slice(), &[8, 6], &[0; 28]].concat()),
        Some(Skip::NotIp)
    );
    assert_eq!(skip_of(1, &[0; 13]), Some(Skip::Truncated));
    let mut fragment = ip_packet(V6, b"hello");
    fragment[6] = 44;
    assert_eq!(skip_of(101, &fragment), Some(Skip::Fragment));

    let good = ip_packet(V4, b"hello");
    let file = raw_capture(101, false, &[&change(9, 6), &good, &change(9, 1), &good]);
    let mut reader = PcapReader::new(&file).unwrap();
    assert_eq!(reader.by_ref().filter(Result::is_ok).count(), 2);
    assert_eq!(reader.skipped(), 2);
}

#[test]
fn broken_captures_are_told_apart_in_words() {
    let whole = capture(Precision::Nanoseconds, V4, b"hello");
    let message = |file: &[u8]| match PcapReader::new(file) {
        Err(error) => error.to_string(),
        Ok(mut reader) => reader
            .find_map(Result::err)
            .expect("it is broken")
            .to_string(),
    };
    assert_eq!(
        message(b""),
        "the file ends after 0 bytes, inside of its header of 24"
    );
    assert_eq!(
        message(&whole[..23]),
        "the file ends after 23 bytes, inside of its header of 24"
    );
    assert_eq!(
        message(b"RIFF...."),
        "not a pcap capture: it starts with 0x52494646"
    );
    let mut old = whole.clone();
    old[6] = 3;
    assert_eq!(
        message(&old),
        "version 2.3 of pcap is not supported, only 2.4"
    );
    let wifi = raw_capture(105, true, &[]);
    assert_eq!(message(&wifi), "link type 105 is not supported");
    for len in 25..whole.len() {
        let expected = "the file ends inside of the record at byte 24";
        assert_eq!(message(&whole[..len]), expected);
    }
    let mut long = whole.clone();
    long[34] = 5;
    assert_eq!(
        message(&long),
        "the record at byte 24 is said to have 327713 bytes, at most 262144 are possible"
    );
}

#[test]
fn after_an_error_the_reader_is_at_its_end() {
    let mut file = capture(Precision::Nanoseconds, V4, b"hello");
    file.extend([0; 15]);
    let mut reader = PcapReader::new(&file).unwrap();
    assert!(reader.next().is_some_and(|datagram| datagram.is_ok()));
    let offset = file.len() as u64 - 15;
    assert_eq!(
        reader.next(),
        Some(Err(PcapError::RecordTruncated { offset }))
    );
    assert_eq!(reader.next(), None);
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        datagrams in proptest::collection::vec(
            (any::<u32>(), 0u32..1_000_000_000, any::<[u8; 16]>(), any::<bool>(),
             any::<[u16; 2]>(), proptest::collection::vec(any::<u8>(), 0..300)),
            0..12,
        ),
    ) {
        let mut writer = PcapWriter::new(Precision::Nanoseconds);
        let (mut file, mut expected) = (writer.header().to_vec(), Vec::new());
        for (seconds, nanos, address, v6, ports, payload) in &datagrams {
            let ip: IpAddr = match v6 {
                true => (*address).into(),
                false => (*address.first_chunk::<4>().unwrap()).into(),
            };
            let [src, dst] = ports.map(|port| SocketAddr::new(ip, port));
            let time = Duration::new((*seconds).into(), *nanos);
            writer.datagram(time, src, dst, payload, &mut file).unwrap();
            expected.push(Datagram { time, src, dst, payload });
        }
        let heard: Result<Vec<_>, _> = PcapReader::new(&file).unwrap().collect();
        prop_assert_eq!(heard, Ok(expected));
    }

    // The receiver's sum over all of it, its checksum included, is all ones.
    #[test]
    fn checksums_hold_at_the_receiver(payload in proptest::collection::vec(any::<u8>(), 0..300)) {
        let packet = ip_packet(V4, &payload);
        prop_assert_eq!(Checksum::default().add(&packet[..20]).finish(), 0);
        let len = (packet.len() - 20) as u16;
        let sum = Checksum::default().add(&packet[12..20]).add(&[0, 17]).add(&len.to_be_bytes());
        prop_assert_eq!(sum.add(&packet[20..]).finish(), 0);
    }
}

/// Marsaglia's xorshift: enough chance for mutations, the same on every run.
struct XorShift(u64);

impl XorShift {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}

#[test]
fn twenty_thousand_mutations_neither_panic_nor_invent_bytes() {
    let tagged = [
        &[0xee; 12][..],
        &[0x81, 0, 0, 5, 0x86, 0xdd],
        &ip_packet(V6, b"xyz"),
    ]
    .concat();
    let cooked = [&[0xee; 14][..], &[0x08, 0x00], &ip_packet(V4, b"hello")].concat();
    let seeds = [
        capture(Precision::Nanoseconds, V4, b"hello"),
        raw_capture(1, true, &[&tagged, &tagged]),
        raw_capture(113, false, &[&cooked, &cooked, &cooked]),
    ];
    let (mut chance, mut heard) = (XorShift(0x9ca9), 0);
    for n in 0..20_000 {
        let mut file = seeds[n % seeds.len()].clone();
        for _ in 0..=chance.below(4) {
            let at = chance.below(file.len());
            match chance.below(8) {
                0 => file.truncate(at),
                1 => file.insert(at, chance.below(256) as u8),
                _ if at < file.len() => file[at] = chance.below(256) as u8,
                _ => {}
            }
        }
        if let Ok(reader) = PcapReader::new(&file) {
            let bytes: usize = reader
                .flatten()
                .map(|datagram| datagram.payload.len())
                .sum();
            assert!(bytes <= file.len());
            heard += usize::from(bytes > 0);
        }
    }
    assert!(heard > 5_000, "only {heard} gave a datagram: mutate less");
}
