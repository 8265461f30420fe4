# The phone app is built with Node, the server runs on slim Python as nobody in particular.
FROM node:20-slim AS phone
WORKDIR /src/pwa
COPY pwa/package.json pwa/package-lock.json pwa/.npmrc ./
RUN npm ci --no-fund --no-audit
COPY pwa/ ./
RUN npm run --silent build

FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY requirements.txt ./
RUN pip install --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY design_docs/ design_docs/
COPY server/ server/
COPY sync/ sync/
COPY pwa/src/styles/tokens.css pwa/src/styles/tokens.css
COPY --from=phone /src/pwa/dist/ pwa/dist/
RUN printf '#!/bin/sh\ncd /app && exec python -c "from server.cli import main; main()" "$@"\n' > /usr/local/bin/gtn \
    && chmod +x /usr/local/bin/gtn \
    && gtn assets \
    && useradd --system --uid 10009 gtn \
    && mkdir data backups && chown gtn data backups
USER gtn
EXPOSE 8009
CMD ["gtn", "serve"]
