//! PCM: codecs, tones, resampling, concealment. Internal to Talkpath.
