//! Containers of sound and packets (WAV, pcap), bytes in and bytes out. Internal to Talkpath.
