"""Catalogs from and to other people's formats. Pure: bytes in, files and a loss report out.

    source bytes → documents → a reader per format → entries → files
                               │                     └ naming, rendering
                               └ prices: the source's units → exact rates by meter

Nothing is guessed and nothing is dropped in silence: every field of every entry is carried exactly, or stands in the
loss report with the reason. The same source gives the same files, byte for byte.
"""
