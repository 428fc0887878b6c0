/** The look: ink and chart-paper greys, one rubric red as on the old charts, dense controls. */
import { createTheme, type MantineColorsTuple } from '@mantine/core';

const ink: MantineColorsTuple = [
  '#eef4f7', '#dae7ed', '#b3cdd9', '#8ab2c4', '#679bb2', '#4f8ca7', '#2f7190', '#1d5c79', '#174b63', '#12303f',
];

const rubric: MantineColorsTuple = [
  '#fdeeea', '#f8dad3', '#efb3a6', '#e68b77', '#df694f', '#da5437', '#c8432b', '#ad3723', '#932e1d', '#6f2216',
];

/** Dark greys with the blue of the ink in them. */
const dark: MantineColorsTuple = [
  '#d7e0e5', '#b9c6cd', '#93a5af', '#72868f', '#30424c', '#24353e', '#1a2931', '#121d24', '#0d161c', '#091015',
];

const gray: MantineColorsTuple = [
  '#f5f7f8', '#eef1f3', '#e3e8eb', '#d5dce0', '#c3ccd2', '#a3afb6', '#76848c', '#56636b', '#34414a', '#1b262d',
];

export const theme = createTheme({
  primaryColor: 'ink',
  primaryShade: { light: 7, dark: 6 },
  colors: { ink, rubric, dark, gray },
  black: '#16232b',
  fontFamily: "'IBM Plex Sans Variable', system-ui, sans-serif",
  fontFamilyMonospace: "'IBM Plex Mono', ui-monospace, monospace",
  headings: { fontFamily: "'IBM Plex Sans Variable', system-ui, sans-serif", fontWeight: '600' },
  fontSizes: { sm: '0.8125rem' },
  defaultRadius: 'sm',
  focusRing: 'auto',
  cursorType: 'pointer',
  components: {
    Button: { defaultProps: { size: 'xs' } },
    ActionIcon: { defaultProps: { variant: 'subtle', color: 'gray', size: 'lg' } },
    TextInput: { defaultProps: { size: 'xs' } },
    PasswordInput: { defaultProps: { size: 'xs' } },
    Textarea: { defaultProps: { size: 'xs' } },
    NativeSelect: { defaultProps: { size: 'xs' } },
    Autocomplete: { defaultProps: { size: 'xs' } },
    Anchor: { defaultProps: { underline: 'hover', inherit: true } },
    Alert: {
      vars: () => ({ root: { '--alert-bg': 'var(--removed-bg)', '--alert-color': 'var(--removed-ink)' } }),
    },
    Table: { defaultProps: { verticalSpacing: 5, horizontalSpacing: 'sm', highlightOnHover: true } },
    // A scroller of the browser's own: reachable by keyboard, and without room kept free below the last row.
    TableScrollContainer: { defaultProps: { type: 'native' } },
    Modal: { defaultProps: { overlayProps: { backgroundOpacity: 0.45 } } },
    Tooltip: { defaultProps: { openDelay: 300, withArrow: true } },
  },
});
