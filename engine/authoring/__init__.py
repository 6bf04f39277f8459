"""Writing catalog files for people: the canonical form, new documents, and edits that keep every comment.

    text → commented.parse → order → writing.write → text

Text in, text out; only `files` touches a disk.
"""
