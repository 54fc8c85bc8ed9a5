"""Writers of a report, one file each; none of them measures anything or imports torch."""
