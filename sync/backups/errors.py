"""What can be wrong with a backup, or with the moment in which it is made or put back.

One class, a stable code each; the text is one sentence that says what to do::

    not-a-backup        another file, or one of a newer version
    backup-cut-short    the end is missing
    backup-damaged      something was changed
    passphrase-needed   it is encrypted, and no passphrase was given
    passphrase-wrong    it is encrypted, under another one
    file-exists         nothing is written over
    disk-full           no room for it, or the disk refuses
    other-ward          it is another ward's
    server-running      a server works on this store
    store-not-empty     there are records, and nobody said that they may go
    restore-unfinished  a restore was cut short; only another one helps
    same-store          source and target of a copy are one
    store-moved         the records went to another store
    store-incomplete    the store did not give, or keep, everything
"""

from __future__ import annotations


class BackupError(Exception):
    """No backup was made or put back."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
