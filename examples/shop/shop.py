"""The application of the examples: a web server."""

from http.server import BaseHTTPRequestHandler, HTTPServer


class Shop(BaseHTTPRequestHandler):
    """Answers every GET request."""

    def do_GET(self) -> None:
        """Say that the shop is open."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"open\n")


if __name__ == "__main__":
    HTTPServer(("", 8080), Shop).serve_forever()
