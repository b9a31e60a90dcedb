//! Descriptions in the shapes that real peers send, in our own wording.
//!
//! Each is accepted and must come back byte for byte.
#![allow(dead_code)]

/// A SIP phone's offer of 580 bytes, the yardstick of speed.
pub(crate) const SIP_OFFER: &str = "v=0\r\no=alice 2890844526 2890844526 IN IP4 192.0.2.10\r\ns=A phone call\r\n\
c=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 10000 RTP/AVP 0 8 9 18 96 101\r\na=rtpmap:0 PCMU/8000\r\n\
a=rtpmap:8 PCMA/8000\r\na=rtpmap:9 G722/8000\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\n\
a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1;maxplaybackrate=48000\r\n\
a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=maxptime:60\r\n\
a=rtcp:10001 IN IP4 192.0.2.10\r\na=rtcp-mux\r\na=ssrc:305419896 cname:pJ3nQx7vTfA0\r\n\
a=ice-ufrag:k3Vd\r\na=ice-pwd:9sT1mXq0bLr5zWc8nYe2Ga\r\n\
a=x-user-agent:Example Phone 1.23\r\na=sendrecv\r\n";

/// A browser's offer: audio, video and data in one bundle.
pub(crate) const BROWSER: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
a=group:BUNDLE 0 1 2\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS stream\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\nc=IN IP4 0.0.0.0\r\n\
a=rtcp:9 IN IP4 0.0.0.0\r\n\
a=candidate:1467250027 1 udp 2122260223 192.0.2.7 46243 typ host generation 0 network-id 1\r\n\
a=candidate:1853887674 1 udp 1518280447 198.51.100.3 36768 typ srflx raddr 192.0.2.7 rport 46243 generation 0\r\n\
a=candidate:842163049 1 tcp 1518280191 4f3cc8f1-9d1c-4a2b-8e6f-1a2b3c4d5e6f.local 9 typ host tcptype active\r\n\
a=ice-ufrag:Oyef\r\na=ice-pwd:T0teqPLNQQOf+5W+ls+P2p16\r\na=ice-options:trickle\r\n\
a=fingerprint:sha-256 49:66:12:17:0D:1C:91:AE:57:4C:C6:36:DD:D5:97:D2:7D:62:C9:9A:7F:B9:A3:F4:70:03:E7:43:91:73:23:5E\r\n\
a=setup:actpass\r\na=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
a=extmap:4/sendrecv urn:ietf:params:rtp-hdrext:sdes:mid\r\na=sendrecv\r\na=msid:stream track\r\n\
a=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n\
a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n\
a=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:13 CN/8000\r\n\
a=rtpmap:110 telephone-event/48000\r\na=rtpmap:126 telephone-event/8000\r\n\
a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6\r\na=ssrc:3570614608 msid:stream track\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\nb=AS:2500\r\nb=TIAS:2500000\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
a=ice-ufrag:Oyef\r\na=ice-pwd:T0teqPLNQQOf+5W+ls+P2p16\r\na=setup:actpass\r\na=mid:1\r\n\
a=fingerprint:sha-256 49:66:12:17:0D:1C:91:AE:57:4C:C6:36:DD:D5:97:D2:7D:62:C9:9A:7F:B9:A3:F4:70:03:E7:43:91:73:23:5E\r\n\
a=recvonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 ccm fir\r\n\
a=rtcp-fb:* nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=ssrc-group:FID 2231627014 632943048\r\n\
m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=sctp-port:5000\r\n\
a=max-message-size:262144\r\n";

/// Joins the usual session section and the rest at compile time.
macro_rules! call {
    ($rest:literal) => {
        concat!(
            "v=0\r\no=- 7 7 IN IP4 198.51.100.4\r\ns=call\r\nc=IN IP4 198.51.100.4\r\nt=0 0\r\n",
            $rest
        )
        .as_bytes()
    };
}

/// Name and text of each.
pub(crate) const CORPUS: &[(&str, &[u8])] = &[
    ("sip phone", SIP_OFFER.as_bytes()),
    ("browser", BROWSER.as_bytes()),
    ("one line", b"v=0"),
    ("one line with an end", b"v=0\r\n"),
    ("blank lines around", b"\r\nv=0\r\n\r\n\r\n"),
    ("LF only", b"v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0\nm=audio 4000 RTP/AVP 0\na=sendrecv\n"),
    ("ends mixed", b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\ns=-\r\nt=0 0\nm=audio 4000 RTP/AVP 0\r\n"),
    ("no last end", call!("m=audio 4000 RTP/AVP 0\r\na=sendrecv")),
    ("CR as last end", call!("m=audio 4000 RTP/AVP 0\r\na=sendrecv\r")),
    ("doubled CR", b"v=0\r\r\ns=-\r\r\nm=audio 4000 RTP/AVP 0\r\r\n"),
    ("Latin-1 name", b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=Caf\xe9 M\xfcller\r\nt=0 0\r\n"),
    ("Latin-1 attribute", b"v=0\r\ns=-\r\nm=audio 4000 RTP/AVP 0\r\na=x-place:K\xf6ln\r\n"),
    ("UTF-8 name", "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=Совещание 会議\r\nt=0 0\r\n".as_bytes()),
    ("no o, s, t", b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n"),
    ("user with blanks", b"v=0\r\no=John Q Public 1 2 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"),
    ("version above 64 bits", b"v=0\r\no=- 1 36893488147419103232 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"),
    ("version no number", b"v=0\r\no=- x y IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"),
    ("origin too short", b"v=0\r\no=-\r\ns=-\r\nt=0 0\r\n"),
    ("no formats", call!("m=audio 4000 RTP/AVP\r\n")),
    ("blank before =", call!("m=audio 4000 RTP/AVP 0\r\na =sendonly\r\n")),
    ("c after t", b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nc=IN IP4 192.0.2.1\r\n"),
    ("half a time", b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0\r\n"),
    ("attributes before b", call!("m=audio 4000 RTP/AVP 0\r\na=ptime:20\r\nb=AS:64\r\nc=IN IP4 192.0.2.9\r\n")),
    ("many blanks", call!("m=audio   4000  RTP/AVP  0   8 \r\na=rtpmap:0   PCMU/8000 \r\n")),
    ("tabs", call!("m=audio\t4000\tRTP/AVP\t0\r\n")),
    ("blank behind the colon", call!("m=audio 4000 RTP/AVP 0\r\na=rtpmap: 0 PCMU/8000\r\na=fmtp: 0 x\r\n")),
    ("unknown lines", call!("x=unknown\r\nq=also\r\nm=audio 4000 RTP/AVP 0\r\ny=0123456789\r\nf=v/////a/1/8/1\r\n")),
    ("capital letters", call!("X=1\r\nm=audio 4000 RTP/AVP 0\r\n")),
    ("payload type above 32 bits", call!("m=audio 4000 RTP/AVP 4294967296\r\n")),
    ("payload types above 127", call!("m=audio 4000 RTP/AVP 0 128 255 999\r\n")),
    ("port count", call!("m=audio 4000/2 RTP/AVP 0\r\n")),
    ("refused slots", call!("m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 8\r\n")),
    ("fax", call!("m=image 4000 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n")),
    ("fax in capitals", call!("m=image 4000 UDPTL t38\r\n")),
    ("message session", call!("m=message 2855 TCP/MSRP *\r\na=path:msrp://192.0.2.1:2855/s1;tcp\r\na=accept-types:*\r\n")),
    ("floor control", call!("m=application 5070 UDP/BFCP *\r\na=floorctrl:c-s\r\na=confid:1\r\n")),
    ("far end camera", call!("m=application 5072 RTP/AVP 100\r\na=rtpmap:100 H224/4800\r\n")),
    ("real-time text", call!("m=text 4004 RTP/AVP 98 99\r\na=rtpmap:98 t140/1000\r\na=rtpmap:99 red/1000\r\na=fmtp:99 98/98/98\r\n")),
    ("unknown medium and protocol", call!("m=smell 4000 AIR/WIND pine\r\n")),
    ("misspelt profile", call!("m=audio 4000 RTP/SAVPFX 0\r\n")),
    ("hold by zero address", call!("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\na=sendonly\r\n")),
    ("hold by invalid name", b"v=0\r\nc=IN IP6 hold.invalid\r\nm=audio 4000 RTP/AVP 0\r\n"),
    ("IPv6", b"v=0\r\no=- 1 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp:4001 IN IP6 2001:db8::1\r\n"),
    ("host name", b"v=0\r\nc=IN IP4 media.example.com\r\nm=audio 4000 RTP/AVP 0\r\n"),
    ("multicast", b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=Seminar\r\ni=About SDP\r\nu=http://example.com/s.pdf\r\ne=j@example.com (Jane)\r\np=+1 617 555-6011\r\nc=IN IP4 233.252.0.1/127/3\r\nb=CT:1000\r\nt=2873397496 2873404696\r\nr=7d 1h 0 25h\r\nz=2882844526 -1h 2898848070 0\r\na=recvonly\r\nm=audio 49170 RTP/AVP 0\r\n"),
    ("IPv6 multicast", b"v=0\r\nc=IN IP6 FF15::101/3\r\nm=audio 4000 RTP/AVP 0\r\n"),
    ("obsolete key", call!("k=prompt\r\nm=audio 4000 RTP/AVP 0\r\nk=base64:QUJD\r\n")),
    ("SDES", call!("m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:32\r\na=crypto:2 F8_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm|1048576|1:4;inline:QUJjZGVmMTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5|2^20|2:4 FEC_ORDER=FEC_SRTP\r\n")),
    ("opportunistic SRTP", call!("m=audio 4000 RTP/AVP 0\r\na=crypto:1 AEAD_AES_128_GCM inline:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNk\r\n")),
    ("silence and vendor attributes", call!("m=audio 4000 RTP/AVP 18 0 101\r\na=silenceSupp:off - - - -\r\na=X-vendor:::a=b;c\r\na=fmtp:18 annexb=yes\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n")),
    ("preconditions", call!("m=audio 4000 RTP/AVP 0\r\na=curr:qos local none\r\na=des:qos mandatory local sendrecv\r\n")),
    ("capability negotiation", call!("m=audio 4000 RTP/AVP 0\r\na=tcap:1 RTP/SAVP\r\na=pcfg:1 t=1\r\n")),
    ("wide-band mobile", call!("b=AS:49\r\nb=RS:0\r\nb=RR:0\r\nm=audio 4000 RTP/AVP 104 110\r\na=rtpmap:104 AMR-WB/16000/1\r\na=fmtp:104 mode-set=0,1,2;mode-change-capability=2; max-red=0\r\na=rtpmap:110 telephone-event/16000\r\na=ptime:20\r\na=maxptime:240\r\n")),
    ("fraction of a millisecond", call!("m=audio 4000 RTP/AVP 0\r\na=ptime:2.5\r\na=maxptime:40.125\r\n")),
    ("recording session", call!("m=audio 4000 RTP/AVP 0\r\na=label:1\r\na=sendonly\r\nm=audio 4002 RTP/AVP 0\r\na=label:2\r\na=sendonly\r\n")),
    ("bundle-only", call!("a=group:BUNDLE a v\r\nm=audio 4000 RTP/AVP 0\r\na=mid:a\r\nm=video 0 RTP/AVP 31\r\na=mid:v\r\na=bundle-only\r\n")),
    ("empty values", call!("i=\r\na=\r\na=:\r\na=x:\r\nb=\r\nm=audio 4000 RTP/AVP 0\r\na=rtpmap:\r\na=fmtp:\r\n")),
    ("direction twice", call!("a=sendonly\r\nm=audio 4000 RTP/AVP 0\r\na=recvonly\r\na=inactive\r\n")),
    ("gapped last blank", call!("m=audio 4000 RTP/AVP 0\r\n \r\n\t\r\n")),
];

/// Numbers for tests: xorshift64*.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Numbers(seed | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 16) as usize % bound.max(1)
    }
}

/// One to four random changes of bytes, runs and lines.
pub(crate) fn mutate(text: &mut Vec<u8>, numbers: &mut Numbers) {
    const PIECES: [&[u8]; 14] = [
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"m=audio 1 RTP/AVP 0\r\n",
        b"a=",
        b":",
        b" ",
        b"/",
        b"=",
        b"4294967296",
        b"\xff",
        b"v=0\r\n",
        b"-1",
    ];
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(text.len() + 1);
        let end = (at + numbers.below(40)).min(text.len());
        match numbers.below(6) {
            0 if at < text.len() => text[at] = numbers.next() as u8,
            1 if at < text.len() => text[at] ^= 1 << numbers.below(8),
            2 => drop(text.drain(at..end)),
            3 => {
                let piece = text[at..end].to_vec();
                let to = numbers.below(text.len() + 1);
                text.splice(to..to, piece);
            }
            4 => text.truncate(at),
            _ => {
                let piece = PIECES[numbers.below(PIECES.len())];
                text.splice(at..at, piece.iter().copied());
            }
        }
    }
}
