/** A filter of a list: one of some values, or all. */
import { Select } from '@mantine/core'

interface FilterSelectProps {
  label: string
  /** Shown while there is no filter. */
  all: string
  data: readonly string[]
  value: string | undefined
  onChange: (value: string | null) => void
}

export function FilterSelect({ label, all, data, value, onChange }: FilterSelectProps) {
  return (
    <Select
      aria-label={label}
      placeholder={all}
      clearable
      clearButtonProps={{ 'aria-label': `${label}: ${all}` }}
      data={data}
      value={value ?? null}
      onChange={onChange}
    />
  )
}
