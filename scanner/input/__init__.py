"""Files that a user names: opened, unpacked, decoded, parsed in pieces; the wrong ones are recognised."""
