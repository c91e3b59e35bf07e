-- Users that are new, changed or gone between two snapshot dates. Parameters: the earlier date, the later date.
-- A user has changed if Spaaza has changed its last_modified_date; figures that change daily (days_since_last_purchase)
-- do not count. A chain without a typed snapshot on one of the two dates is left out, since all its users would look new
-- or gone. A user without an ID cannot be followed; one with several rows a day counts once, with its last modification.
-- A user whose record could not be read on one of the dates looks new or gone too: see data_quality_by_column first.
WITH earlier AS (
  SELECT chain_id, id, max(last_modified_date) AS last_modified_date
  FROM users WHERE dt = ? AND id IS NOT NULL GROUP BY chain_id, id
), later AS (
  SELECT chain_id, id, max(last_modified_date) AS last_modified_date
  FROM users WHERE dt = ? AND id IS NOT NULL GROUP BY chain_id, id
)
SELECT
  coalesce(later.chain_id, earlier.chain_id) AS chain_id,
  coalesce(later.id, earlier.id) AS id,
  CASE WHEN earlier.id IS NULL THEN 'new' WHEN later.id IS NULL THEN 'gone' ELSE 'changed' END AS change,
  later.last_modified_date AS last_modified_date
FROM earlier
FULL OUTER JOIN later ON later.chain_id = earlier.chain_id AND later.id = earlier.id
WHERE coalesce(later.chain_id, earlier.chain_id) IN (SELECT chain_id FROM earlier INTERSECT SELECT chain_id FROM later)
  AND (
    earlier.id IS NULL OR later.id IS NULL OR later.last_modified_date IS DISTINCT FROM earlier.last_modified_date
  )
ORDER BY chain_id, change, id
