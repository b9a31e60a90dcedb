//! Datagrams to RTP and RTCP: demultiplexing and the source-address policy. Internal to Talkpath.
