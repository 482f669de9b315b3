// What a board's JSON must be: Grafana's own types, with each panel's options and drawing by its kind.
import type { Dashboard, AnnotationQuery, DataQuery, FieldConfig, FieldConfigSource, Panel, RowPanel } from '@grafana/schema';
import type * as barchart from '@grafana/schema/dist/esm/raw/composable/barchart/panelcfg/x/BarChartPanelCfg_types.gen';
import type * as gauge from '@grafana/schema/dist/esm/raw/composable/gauge/panelcfg/x/GaugePanelCfg_types.gen';
import type * as heatmap from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as states from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

// JSON has the values of string enums, not their members.
type Plain<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends Array<infer Item>
      ? Array<Plain<Item>>
      : T extends object
        ? { [Key in keyof T]: Plain<T[Key]> }
        : T;

// The package has no types of Prometheus' queries.
interface PrometheusQuery extends DataQuery {
  expr: string;
  legendFormat: string;
  interval: string;
  instant: boolean;
  range: boolean;
  exemplar: boolean;
  format: 'time_series' | 'table' | 'heatmap';
  editorMode: 'code' | 'builder';
}

interface PrometheusAnnotation extends Omit<AnnotationQuery, 'target'> {
  expr: string;
  step: string;
  titleFormat: string;
  textFormat: string;
  tagKeys: string;
}

interface PanelOf<Kind extends string, Options, Drawing>
  extends Omit<Panel, 'type' | 'id' | 'title' | 'description' | 'options' | 'targets' | 'fieldConfig'> {
  type: Kind;
  id: number;
  title: string;
  description: string;
  options: Options;
  targets: PrometheusQuery[];
  fieldConfig: {
    defaults: Omit<FieldConfig, 'custom'> & { custom: Drawing };
    overrides: FieldConfigSource['overrides'];
  };
}

type Nothing = Record<string, never>;

type KnownPanel =
  | PanelOf<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | PanelOf<'stat', stat.Options, Nothing>
  // Grafana 13 draws more kinds of bars; a board made for 11 leaves that to its defaults.
  | PanelOf<'gauge', Partial<gauge.Options>, Nothing>
  | PanelOf<'table', table.Options, table.FieldConfig>
  | PanelOf<'barchart', barchart.Options, barchart.FieldConfig>
  | PanelOf<'heatmap', heatmap.Options, heatmap.FieldConfig>
  | PanelOf<'state-timeline', states.Options, states.FieldConfig>;

export type Board = Plain<
  Omit<Dashboard, 'panels' | 'annotations'> & {
    uid: string;
    title: string;
    description: string;
    panels: Array<KnownPanel | RowPanel>;
    annotations: { list: PrometheusAnnotation[] };
  }
>;
