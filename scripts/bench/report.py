"""Tables of measured figures, readable in a terminal."""


class Table:
    """Rows under headings, aligned when printed."""

    def __init__(self, title: str, *headings: str) -> None:
        self._title = title
        self._rows = [headings]

    def row(self, *cells: str) -> None:
        """Adds one row; as many cells as there are headings."""
        self._rows.append(cells)

    def print(self) -> None:
        """Writes the table to standard output."""
        widths = [max(len(row[column]) for row in self._rows) for column in range(len(self._rows[0]))]
        print(f"\n{self._title}")
        for number, row in enumerate(self._rows):
            print(
                "  "
                + "  ".join(
                    cell.rjust(width) if at else cell.ljust(width)
                    for at, (cell, width) in enumerate(zip(row, widths, strict=True))
                )
            )
            if number == 0:
                print("  " + "  ".join("─" * width for width in widths))
