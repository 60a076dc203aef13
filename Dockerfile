# The API as `packgrid serve` runs it. To try it on an embedded engine with a sample catalogue:
#
#   docker build -t packgrid .
#   docker run --rm -p 8000:8000 packgrid serve --host 0.0.0.0 --engine --sample
#
# By default it serves the tables to which AWS's variables lead (-e AWS_DEFAULT_REGION ...). Any
# other command of packgrid can follow the image's name.
FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE app.py ./
COPY chalicelib/ chalicelib/
COPY sample/ sample/
RUN python -m venv /opt/packgrid \
    && /opt/packgrid/bin/pip install --no-cache-dir --constraint constraints.txt ".[engine]"

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/packgrid packgrid
COPY --from=build /opt/packgrid /opt/packgrid
ENV PATH="/opt/packgrid/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER packgrid
WORKDIR /var/lib/packgrid
EXPOSE 8000
# Healthy is a server that answers, whatever hosts it allows and wherever its tables are.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/api/v4/'); raise SystemExit(c.getresponse().status >= 500)"]
ENTRYPOINT ["packgrid"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
